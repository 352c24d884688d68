// SPDX-License-Identifier: Apache-2.0
// Whether a text does what an instruction says.
#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tasks/instructions.hpp"
#include "tasks/python_text.hpp"

namespace kvhost::tasks {

namespace {

using Check = bool (*)(const Instruction&, const std::string&);

int64_t occurrences(const std::string& text, const std::string& what) {
  int64_t n = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
  return n;
}

// Runs of word characters.
std::vector<std::u32string> bare_words(const std::string& text) {
  std::vector<std::u32string> out;
  bool inside = false;
  for (const char32_t c : characters(text)) {
    const bool word = is_word(c);
    if (word && !inside) out.emplace_back();
    if (word) out.back() += c;
    inside = word;
  }
  return out;
}

bool has_word(const std::string& text, const std::string& word) {
  const auto all = bare_words(lower(text));
  return std::find(all.begin(), all.end(), characters(lower(word))) != all.end();
}

bool is_bullet(const std::string& line) {
  const std::string_view text = strip_left(line);
  if (text.starts_with("-")) return true;
  return text.starts_with("*") && text.size() > 1 && text[1] != '*';
}

int64_t n_bullets(const std::string& text) {
  const Strings lines = split(text, '\n');
  return std::count_if(lines.begin(), lines.end(), is_bullet);
}

// Pieces between `open` and `close` on one line that hold something.
int64_t n_enclosed(const std::string& text, std::string_view open, std::string_view close) {
  int64_t n = 0;
  for (const std::string& line : split(text, '\n'))
    for (size_t at = 0; (at = line.find(open, at)) != std::string::npos;) {
      const size_t inside = at + open.size(), end = line.find(close, inside);
      if (end == std::string::npos) break;
      n += !strip(std::string_view(line).substr(inside, end - inside)).empty();
      at = end + close.size();
    }
  return n;
}

int64_t n_paragraphs(const std::string& text) {
  int64_t n = 0;
  for (const std::string& part : split(replace_all(text, "***", "\x01"), '\x01'))
    n += !strip(part).empty();
  return n;
}

std::string unquoted(const std::string& text) {
  std::string_view bare = strip(text);
  while (bare.starts_with('"')) bare.remove_prefix(1);
  while (bare.ends_with('"')) bare.remove_suffix(1);
  return lower(strip(bare));
}

bool has_postscript(const std::string& text) {
  const std::string small = lower(text);
  return small.find("p.s.") != std::string::npos || small.find("p. s.") != std::string::npos;
}

const std::map<std::string, Check>& checks() {
  static const std::map<std::string, Check> all = {
      {"keyword",
       [](const Instruction& i, const std::string& t) { return has_word(t, i.words[0]); }},
      {"keyword_count",
       [](const Instruction& i, const std::string& t) {
         return occurrences(lower(t), i.words[0]) >= i.count;
       }},
      {"forbidden_word",
       [](const Instruction& i, const std::string& t) { return !has_word(t, i.words[0]); }},
      {"min_words",
       [](const Instruction& i, const std::string& t) {
         return static_cast<int64_t>(bare_words(t).size()) >= i.count;
       }},
      {"max_words",
       [](const Instruction& i, const std::string& t) {
         return static_cast<int64_t>(bare_words(t).size()) <= i.count;
       }},
      {"bullets",
       [](const Instruction& i, const std::string& t) { return n_bullets(t) == i.count; }},
      {"title",
       [](const Instruction&, const std::string& t) { return n_enclosed(t, "<<", ">>") > 0; }},
      {"placeholders",
       [](const Instruction& i, const std::string& t) {
         return n_enclosed(t, "[", "]") >= i.count;
       }},
      {"paragraphs",
       [](const Instruction& i, const std::string& t) { return n_paragraphs(t) == i.count; }},
      {"lower_case", [](const Instruction&, const std::string& t) { return lower(t) == t; }},
      {"upper_case", [](const Instruction&, const std::string& t) { return upper(t) == t; }},
      {"no_comma",
       [](const Instruction&, const std::string& t) { return t.find(',') == std::string::npos; }},
      {"postscript", [](const Instruction&, const std::string& t) { return has_postscript(t); }},
      {"starts_with",
       [](const Instruction& i, const std::string& t) {
         return unquoted(t).starts_with(lower(i.words[0]));
       }},
      {"ends_with",
       [](const Instruction& i, const std::string& t) {
         return unquoted(t).ends_with(lower(i.words[0]));
       }},
  };
  return all;
}

// IFEval's eight readings: with and without the first line, the last line, asterisks.
Strings readings(const std::string& answer) {
  const Strings lines = split(answer, '\n');
  Strings out;
  for (int i = 0; i < 8; ++i) {
    const size_t begin = i & 1 ? 1 : 0, cut = i & 2 ? 1 : 0;
    std::string text;
    for (size_t l = begin; l + cut < lines.size(); ++l) (text += l > begin ? "\n" : "") += lines[l];
    text = std::string(strip(text));
    out.push_back(i & 4 ? replace_all(text, "*", "") : text);
  }
  return out;
}

}  // namespace

const Strings& instruction_kinds() {
  static const Strings names = [] {
    Strings out;
    for (const auto& [name, check] : checks()) out.push_back(name);
    return out;
  }();
  return names;
}

bool follows(const Instruction& instruction, const std::string& answer) {
  const auto found = checks().find(instruction.kind);
  if (found == checks().end())
    bad_request("instruction",
                "there is no kind '" + instruction.kind + "'; expected one of " +
                    join(instruction_kinds(), ", "));
  return !strip(answer).empty() && found->second(instruction, answer);
}

std::vector<bool> followed(const std::vector<Instruction>& instructions,
                           const std::string& answer,
                           Strictness strictness) {
  const Strings texts = strictness == Strictness::Loose ? readings(answer) : Strings{answer};
  std::vector<bool> out;
  for (const Instruction& one : instructions)
    out.push_back(std::any_of(
        texts.begin(), texts.end(), [&](const std::string& text) { return follows(one, text); }));
  return out;
}

}  // namespace kvhost::tasks
