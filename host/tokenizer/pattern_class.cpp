// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern_class.hpp"

#include <vector>

#include "base/text.hpp"
#include "tokenizer/pattern_properties.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

constexpr int kDeepestClass = 50;
constexpr const char* kNothing = "(?!)";

char escaped(std::string_view pattern, size_t pos) {
  if (pos + 1 >= pattern.size()) refuse_pattern("the pattern ends in a backslash", pos);
  return pattern[pos + 1];
}

// \p{L}, \p{^L}, \P{L}, \p{Han}
EscapedClass read_property(std::string_view pattern, size_t* pos) {
  const size_t close = pattern.find('}', *pos);
  if (pattern.substr(*pos + 2, 1) != "{" || close == pattern.npos)
    refuse_pattern("'\\p' without a name in braces", *pos);
  std::string_view name = pattern.substr(*pos + 3, close - *pos - 3);
  EscapedClass found;
  found.negated = pattern[*pos + 1] == 'P';
  if (name.starts_with('^')) {
    found.negated = !found.negated;
    name.remove_prefix(1);
  }
  *pos = close + 1;
  found.inside = property_class(name);
  return found;
}

// What stands between two "&&": characters and ranges, and whole classes.
struct Union {
  std::string simple;                // the inside of a PCRE2 class
  std::vector<std::string> classes;  // patterns of one character
  bool after_class = false;          // a '-' here begins no range

  void add(const EscapedClass& c) {
    if (c.negated) {
      classes.push_back(c.text());
    } else {
      simple += c.inside;
    }
    after_class = true;
  }

  std::string text() const {
    std::vector<std::string> all = classes;
    if (!simple.empty()) all.insert(all.begin(), "[" + simple + "]");
    if (all.empty()) return kNothing;
    // Each matches one character: without the atomic group a repetition would try all the ways
    // that lead to the same place.
    return all.size() == 1 ? all[0] : "(?>" + join(all, "|") + ")";
  }
};

class ClassReader {
 public:
  ClassReader(std::string_view pattern, size_t* pos, bool caseless, int depth)
      : in_(pattern), pos_(*pos), caseless_(caseless), depth_(depth) {}

  std::string run() {
    if (depth_ > kDeepestClass) refuse_pattern("classes inside classes are nested too deeply", pos_);
    ++pos_;
    const bool negated = in_.substr(pos_, 1) == "^";
    if (negated) ++pos_;
    bool first = true;
    while (first || in_.substr(pos_, 1) != "]") {
      if (pos_ >= in_.size()) refuse_pattern("'[' without ']'", pos_);
      read_item(first);
      first = false;
    }
    ++pos_;
    return finish(negated);
  }

 private:
  void read_item(bool first) {
    const char c = in_[pos_];
    if (c == '\\') {
      read_escaped();
    } else if (in_.substr(pos_, 2) == "[:" && read_posix()) {
      return;
    } else if (c == '[') {
      if (current_.simple.ends_with('-') && !current_.after_class)
        refuse_pattern("a range that ends in a class", pos_);
      if (caseless_ && in_.substr(pos_, 2) == "[^") refuse_caseless();
      current_.classes.push_back(read_class(in_, &pos_, caseless_, depth_ + 1));
      current_.after_class = true;
    } else if (in_.substr(pos_, 2) == "&&") {
      if (caseless_) refuse_caseless();
      operands_.push_back(std::move(current_));
      current_ = {};
      pos_ += 2;
    } else {
      read_character(first);
    }
  }

  // Oniguruma lets (?i) widen what a class holds in the end, PCRE2 every part of it.
  [[noreturn]] void refuse_caseless() const {
    refuse_pattern("a class that is more than a list without regard to case", pos_);
  }

  void add(const EscapedClass& found) {
    for (const char* cased : {"{Lu}", "{Ll}", "{Lt}", "{uppercase}", "{lowercase}"})
      if (caseless_ && found.inside.find(cased) != found.inside.npos) refuse_caseless();
    current_.add(found);
  }

  void read_escaped() {
    EscapedClass found;
    if (read_escaped_class(in_, &pos_, /*inside_class=*/true, &found)) return add(found);
    current_.simple += read_escape(in_, &pos_);
    current_.after_class = false;
  }

  // [:alpha:], [:^alpha:]
  bool read_posix() {
    const size_t close = in_.find(":]", pos_ + 2);
    if (close == in_.npos) return false;
    std::string_view name = in_.substr(pos_ + 2, close - pos_ - 2);
    EscapedClass found;
    found.negated = name.starts_with('^');
    if (found.negated) name.remove_prefix(1);
    const auto inside = posix_class(name);
    if (!inside) refuse_pattern("'[:" + std::string(name) + ":]' is not known", pos_);
    found.inside = *inside;
    add(found);
    pos_ = close + 2;
    return true;
  }

  void read_character(bool first) {
    const size_t begin = pos_;
    utf8::next(in_, pos_);
    const std::string_view character = in_.substr(begin, pos_ - begin);
    const bool literal = character == "^" || (character == "]" && first) ||
                         (character == "-" && current_.after_class);
    if (literal) current_.simple += '\\';
    current_.simple += character;
    current_.after_class = false;
  }

  std::string finish(bool negated) {
    if (operands_.empty() && current_.classes.empty() && !current_.simple.empty())
      return (negated ? "[^" : "[") + current_.simple + "]";
    std::string all;
    for (const Union& operand : operands_) all += "(?=" + operand.text() + ")";
    all += current_.text();
    if (negated) return "(?:(?!" + all + ")(?s:.))";
    return operands_.empty() ? all : "(?:" + all + ")";
  }

  std::string_view in_;
  size_t& pos_;
  bool caseless_;
  int depth_;
  Union current_;
  std::vector<Union> operands_;
};

}  // namespace

void refuse_pattern(const std::string& why, size_t pos) {
  throw PatternError(why + " (at byte " + std::to_string(pos) + " of the pattern)");
}

bool read_escaped_class(std::string_view pattern,
                        size_t* pos,
                        bool inside_class,
                        EscapedClass* found) {
  const char c = escaped(pattern, *pos);
  found->negated = c == 'S' || c == 'D' || c == 'W' || c == 'H';
  switch (c) {
    case 's':
    case 'S':
      found->inside = unicode::kWhitespaceClass;
      break;
    case 'd':
    case 'D':
      found->inside = unicode::category_class("Nd");
      break;
    case 'w':
    case 'W':
      found->inside = unicode::word_class(inside_class);
      break;
    case 'h':
    case 'H':
      found->inside = "0-9A-Fa-f";
      break;
    case 'p':
    case 'P':
      *found = read_property(pattern, pos);
      return true;
    default:
      return false;
  }
  *pos += 2;
  return true;
}

std::string read_escape(std::string_view pattern, size_t* pos) {
  const char c = escaped(pattern, *pos);
  if (c == 'u') {
    const std::string_view digits = pattern.substr(*pos + 2, 4);
    if (digits.size() < 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos)
      refuse_pattern("'\\u' without four hexadecimal digits", *pos);
    *pos += 6;
    return "\\x{" + std::string(digits) + "}";
  }
  if (c == 'v') {  // a class of its own in PCRE2
    *pos += 2;
    return "\\x{b}";
  }
  const size_t begin = *pos;
  *pos += 1;
  utf8::next(pattern, *pos);
  return std::string(pattern.substr(begin, *pos - begin));
}

std::string read_class(std::string_view pattern, size_t* pos, bool caseless, int depth) {
  return ClassReader(pattern, pos, caseless, depth).run();
}

}  // namespace kvhost::tok
