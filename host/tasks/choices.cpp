// SPDX-License-Identifier: Apache-2.0
// Answers that choose: LongBench's classes, InfiniteBench's letters and words.
#include <algorithm>

#include "tasks/metric_rules.hpp"
#include "tasks/python_text.hpp"

namespace kvhost::tasks {

namespace {

bool contains(const Strings& list, std::string_view what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

std::string with_spaces(std::string text, std::string_view characters) {
  for (char& c : text)
    if (characters.find(c) != std::string_view::npos) c = ' ';
  return text;
}

std::string with_single_spaces(std::string text) {
  while (text.find("  ") != std::string::npos) text = replace_all(text, "  ", " ");
  return text;
}

// re.search(r"\b[A-D]\b(?!.*\b[A-D]\b)", text): the last letter that stands alone in the first line
// that has one; "" when none has.
std::string lone_letter(const std::string& text, char32_t last) {
  const std::u32string all = characters(text);
  std::string found;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i] == U'\n' && !found.empty()) return found;
    if (all[i] < U'A' || all[i] > last) continue;
    const bool before = i > 0 && is_word(all[i - 1]);
    const bool behind = i + 1 < all.size() && is_word(all[i + 1]);
    if (!before && !behind) found = static_cast<char>(all[i]);
  }
  return found;
}

// What follows the first of `prefixes` that the text has: 1 when it begins with a label, 0 when it
// does not, -1 when the text has none of them.
int behind_prefix(const std::string& text,
                  std::initializer_list<std::string_view> prefixes,
                  const Strings& labels) {
  for (const std::string_view prefix : prefixes) {
    const size_t at = text.find(prefix);
    if (at == std::string::npos) continue;
    size_t behind = at + prefix.size();
    if (behind == text.size()) return 0;
    do {  // one character, whatever it is
      ++behind;
    } while (behind < text.size() && (static_cast<unsigned char>(text[behind]) & 0xC0) == 0x80);
    for (const std::string& label : labels)
      if (text.compare(behind, label.size(), label) == 0) return 1;
    return 0;
  }
  return -1;
}

}  // namespace

double classification(const std::string& prediction,
                      const std::string& reference,
                      const Strings& classes) {
  Strings named;
  for (const std::string& name : classes)
    if (prediction.find(name) != std::string::npos) named.push_back(name);
  // A class that is part of the right one's name does not count. The list is walked while it is
  // shortened, as LongBench does, so that the entry behind a removed one is not looked at.
  for (size_t i = 0; i < named.size(); ++i) {
    const std::string name = named[i];
    if (name != reference && reference.find(name) != std::string::npos)
      named.erase(std::find(named.begin(), named.end(), name));
  }
  return contains(named, reference) ? 1.0 / static_cast<double>(named.size()) : 0;
}

double word_match(const std::string& prediction, const std::string& reference) {
  return contains(words(with_spaces(prediction, "\n:\"'.,?!{}")), reference) ? 1 : 0;
}

double letter_choice(const std::string& prediction, const Strings& labels) {
  std::string text(strip(prediction));
  const std::string letter = lone_letter(text, U'D');
  if (!letter.empty() && contains(labels, letter)) return 1;
  if (text.empty()) return 0;
  if (text[0] >= 'A' && text[0] <= 'D') return contains(labels, text.substr(0, 1));
  if (contains(labels, text)) return 1;
  text = with_single_spaces(with_spaces(text, "\n\"'.,?!{}"));
  const int behind =
      behind_prefix(text, {"answer is:", "answer:", "answer is", "option is"}, labels);
  if (behind >= 0) return behind;
  for (const std::string& word : words(text))
    if (std::string_view("ABCD").find(word) != std::string_view::npos)
      return contains(labels, word);
  return 0;
}

double code_choice(const std::string& prediction, const Strings& labels) {
  std::string text(strip(prediction));
  const std::string letter = lone_letter(text, U'J');
  if (!letter.empty() && letter == labels.back()) return 1;
  text = with_spaces(text, "\n`'\"-*");
  text = replace_all(replace_all(text, "Option", " "), "option", " ");
  text = with_single_spaces(text);
  for (const std::string& label : labels)
    if (text.compare(0, label.size(), label) == 0) return 1;
  // "correct option is:" cannot be met: "option" has gone.
  return behind_prefix(text, {"answer is:", "is:", "answer:"}, {labels.back(), labels.front()}) ==
         1;
}

}  // namespace kvhost::tasks
