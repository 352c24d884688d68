// SPDX-License-Identifier: Apache-2.0
#include "tasks/needle.hpp"

#include <cmath>
#include <cstdio>

#include "base/error.hpp"
#include "tasks/fit.hpp"
#include "tasks/haystack.hpp"
#include "tasks/python_text.hpp"

namespace kvhost::tasks {

namespace {

// The sentence before which `depth` percent of the bytes stand, as nearly as can be.
size_t position_at(const Strings& sentences, double depth) {
  size_t bytes = 0;
  for (const std::string& sentence : sentences) bytes += sentence.size();
  const double wanted = depth / 100 * static_cast<double>(bytes);
  size_t best = 0, before = 0;
  double least = wanted;
  for (size_t i = 0; i < sentences.size(); ++i) {
    before += sentences[i].size();
    const double off = std::abs(static_cast<double>(before) - wanted);
    if (off < least) best = i + 1;
    least = std::min(least, off);
  }
  return best;
}

Case needle_case(const NeedleRequest& request, const Strings& haystack, size_t size, double depth) {
  const Strings all = sentences(first_words(haystack, size));
  Case one;
  one.task = "needle";
  one.before = request.before;
  one.context = with_inserts(all, {position_at(all, depth)}, {request.needle});
  one.question = request.question;
  one.answer_prefix = request.answer_prefix;
  one.answers = request.answers;
  one.metric = request.metric;
  one.max_new_tokens = request.max_new_tokens;
  one.depth = depth;
  mark(one, "needle", request.needle);
  return one;
}

void check(const NeedleRequest& request, const Strings& haystack) {
  find_metric(request.metric);
  if (request.needle.empty() || request.question.empty() || request.answers.empty())
    bad_request("needle", "a needle, a question or an answer is empty; expected all three");
  for (const double depth : request.depths)
    if (!(depth >= 0 && depth <= 100))
      bad_request("needle", "a depth of " + std::to_string(depth) + "; expected 0 to 100");
  const std::string text = lower(first_words(haystack, haystack.size()));
  for (const std::string& answer : request.answers)
    if (text.find(lower(answer)) != std::string::npos)
      bad_request("needle",
                  "the haystack itself says '" + answer + "'; take another needle or another text");
}

std::string id_of(int64_t length, double depth) {
  char text[64];
  std::snprintf(text, sizeof text, "needle/%lld/%g", static_cast<long long>(length), depth);
  return text;
}

}  // namespace

std::vector<Case> needle_cases(const NeedleRequest& request,
                               const Strings& haystack,
                               const CountTokens& count) {
  check(request, haystack);
  std::vector<Case> cases;
  for (const int64_t length : request.lengths) {
    size_t guess = static_cast<size_t>(std::max<int64_t>(1, length / 2));
    for (const double depth : request.depths) {
      const auto tokens = [&](size_t size) {
        return count(prompt(needle_case(request, haystack, size, depth))) + request.max_new_tokens;
      };
      const auto size = largest_fit({1, haystack.size(), guess}, length, tokens);
      if (!size)
        bad_request("needle",
                    "a length of " + std::to_string(length) +
                        " tokens leaves no room for a haystack; ask for a longer one");
      if (*size == haystack.size())
        bad_request("needle",
                    "the haystack has " + std::to_string(*size) + " words; a length of " +
                        std::to_string(length) + " tokens takes more: give a longer text");
      cases.push_back(needle_case(request, haystack, *size, depth));
      cases.back().id = id_of(length, depth);
      cases.back().length = length;
      if (depth == request.depths.front()) guess = *size;
    }
  }
  return cases;
}

}  // namespace kvhost::tasks
