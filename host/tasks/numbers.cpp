// SPDX-License-Identifier: Apache-2.0
// Answers that are numbers: LongBench's count and retrieval, InfiniteBench's passkeys and sums.
#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"
#include "tasks/metric_rules.hpp"
#include "tasks/python_text.hpp"

namespace kvhost::tasks {

namespace {

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

// Runs of 0 to 9.
Strings integers(std::string_view text) {
  Strings out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (!is_ascii_digit(text[at])) continue;
    if (at == 0 || !is_ascii_digit(text[at - 1])) out.emplace_back();
    out.back() += text[at];
  }
  return out;
}

// Equal as integers of any length.
bool same_integer(std::string_view a, std::string_view b) {
  const auto bare = [](std::string_view x) {
    const size_t at = x.find_first_not_of('0');
    return at == std::string_view::npos ? std::string_view("0") : x.substr(at);
  };
  return bare(a) == bare(b);
}

// The number in "Paragraph 12", or in LongBench's Chinese rows.
std::string paragraph_number(const std::string& reference) {
  for (const std::string_view word : {"Paragraph ", "段落"}) {
    for (size_t at = 0; (at = reference.find(word, at)) != std::string::npos; ++at) {
      const auto rest = characters(std::string_view(reference).substr(at + word.size()));
      if (!rest.empty() && is_digit(rest.front())) return digit_runs(utf8(rest)).front();
    }
  }
  run_failed("metric retrieval",
             "the reference '" + reference + "' names no paragraph; expected 'Paragraph N'");
}

// re.search(r"\d+\.\d+|\d+", text)
std::string decimal(const std::string& text) {
  size_t at = 0;
  while (at < text.size() && !is_ascii_digit(text[at])) ++at;
  size_t end = at;
  while (end < text.size() && is_ascii_digit(text[end])) ++end;
  if (end == at || end + 1 >= text.size() || text[end] != '.' || !is_ascii_digit(text[end + 1]))
    return text.substr(at, end - at);
  for (++end; end < text.size() && is_ascii_digit(text[end]);) ++end;
  return text.substr(at, end - at);
}

}  // namespace

double count_share(const std::string& prediction, const std::string& reference) {
  const Strings numbers = digit_runs(prediction);
  if (numbers.empty()) return 0;
  return static_cast<double>(std::count(numbers.begin(), numbers.end(), reference)) /
         static_cast<double>(numbers.size());
}

double paragraph_share(const std::string& prediction, const std::string& reference) {
  return count_share(prediction, paragraph_number(reference));
}

double first_integer(const std::string& prediction, const std::string& reference) {
  const Strings numbers = integers(prediction);
  return !numbers.empty() && numbers.front() == reference ? 1 : 0;
}

double first_number(const std::string& prediction, const std::string& reference) {
  const std::string number = decimal(prediction);
  if (number.empty()) return 0;
  const bool whole = reference.find('.') == std::string::npos;
  // A whole number is not looked for in a decimal one.
  if (whole && number.find('.') != std::string::npos) return 0;
  if (whole) return same_integer(number, reference) ? 1 : 0;
  return std::strtod(number.c_str(), nullptr) == std::strtod(reference.c_str(), nullptr) ? 1 : 0;
}

double last_integer(const std::string& prediction, const std::string& reference) {
  std::string text(strip(prediction));
  for (char& c : text)
    if (std::string_view("\n.`'\":").find(c) != std::string_view::npos) c = ' ';
  const Strings all = words(text);
  if (all.empty()) return 0;
  const auto parts = [](std::string_view x) {
    const bool signed_ = !x.empty() && (x[0] == '-' || x[0] == '+');
    return std::pair(!x.empty() && x[0] == '-', signed_ ? x.substr(1) : x);
  };
  const auto [said_minus, said] = parts(all.back());
  const auto [minus, expected] = parts(reference);
  if (said.empty() || !std::all_of(said.begin(), said.end(), is_ascii_digit)) return 0;
  if (!same_integer(said, expected)) return 0;
  return said_minus == minus || same_integer(said, "0") ? 1 : 0;
}

double leading_numbers(const std::string& prediction, const Strings& references) {
  const Strings numbers = integers(prediction);
  size_t n = 0;
  while (n < references.size() && n < numbers.size() && same_integer(numbers[n], references[n]))
    ++n;
  return static_cast<double>(n) / static_cast<double>(references.size());
}

}  // namespace kvhost::tasks
