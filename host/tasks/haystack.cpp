// SPDX-License-Identifier: Apache-2.0
#include "tasks/haystack.hpp"

#include <algorithm>
#include <cassert>
#include <map>

#include "tasks/python_text.hpp"

namespace kvhost::tasks {

namespace {

constexpr size_t kCommonest = 200;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// Of a closing quote or bracket, whatever its length in bytes; 0 when it is none.
size_t closing(std::string_view text) {
  for (const std::string_view mark : {"\"", "'", ")", "]", "\u201D", "\u2019", "\u00BB"})
    if (text.starts_with(mark)) return mark.size();
  return 0;
}

}  // namespace

std::string first_words(const Strings& words, size_t n) {
  std::string out;
  for (size_t i = 0; i < std::min(n, words.size()); ++i) (out += i > 0 ? " " : "") += words[i];
  return out;
}

Strings sentences(std::string_view text) {
  Strings out;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c != '.' && c != '!' && c != '?') continue;
    while (const size_t n = closing(text.substr(at))) at += n;
    if (at + 1 >= text.size() || text[at] != ' ' || is_lower(text[at + 1])) continue;
    out.emplace_back(text.substr(begin, at - begin));
    begin = ++at;
  }
  if (begin < text.size()) out.emplace_back(text.substr(begin));
  return out;
}

std::string with_inserts(const Strings& sentences,
                         const std::vector<size_t>& positions,
                         const Strings& inserts) {
  assert(positions.size() == inserts.size() && std::is_sorted(positions.begin(), positions.end()));
  std::string out;
  const auto add = [&](const std::string& text) { (out += out.empty() ? "" : " ") += text; };
  size_t next = 0;
  for (size_t i = 0; i <= sentences.size(); ++i) {
    while (next < inserts.size() && positions[next] <= i) add(inserts[next++]);
    if (i < sentences.size()) add(sentences[i]);
  }
  return out;
}

Strings word_list(std::string_view text) {
  std::map<std::string, int64_t> counts;
  for (const std::string& bare : words(text)) {
    size_t begin = 0, end = bare.size();
    while (begin < end && is_ascii_punctuation(static_cast<unsigned char>(bare[begin]))) ++begin;
    while (end > begin && is_ascii_punctuation(static_cast<unsigned char>(bare[end - 1]))) --end;
    const std::string word = bare.substr(begin, end - begin);
    if (word.size() >= 5 && word.size() <= 12 && std::all_of(word.begin(), word.end(), is_lower))
      ++counts[word];
  }
  std::vector<std::pair<int64_t, std::string>> ordered;
  for (const auto& [word, n] : counts) ordered.emplace_back(-n, word);
  std::sort(ordered.begin(), ordered.end());
  Strings out;
  for (size_t i = kCommonest; i < ordered.size(); ++i) out.push_back(ordered[i].second);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace kvhost::tasks
