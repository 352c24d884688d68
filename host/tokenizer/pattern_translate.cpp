// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern_translate.hpp"

#include "tokenizer/unicode.hpp"

namespace kvhost::tok {

namespace {

class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  std::string run() {
    while (pos_ < in_.size()) {
      if (in_[pos_] == '\\') {
        escape();
      } else if (in_[pos_] == '[') {
        character_class();
      } else if (in_.substr(pos_, 2) == "(?") {
        group_options();
      } else if (in_.substr(pos_, 2) == "}+") {
        // Oniguruma repeats the interval, PCRE2 makes it possessive.
        fail("'{n,m}+' has another meaning in PCRE2");
      } else {
        out_ += in_[pos_++];
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw PatternError(why + " (at byte " + std::to_string(pos_) + " of the pattern)");
  }

  char escaped() const {
    if (pos_ + 1 >= in_.size()) fail("the pattern ends in a backslash");
    return in_[pos_ + 1];
  }

  void put_class(const std::string& inside, bool negated) {
    out_ += (negated ? "[^" : "[") + inside + "]";
  }

  void escape() {
    const char c = escaped();
    bool negated = false;
    std::string inside;
    if (class_escape(c, /*inside_class=*/false, &inside, &negated))
      return put_class(inside, negated);
    if (c == 'b' || c == 'B') return word_border(c == 'B');
    if (std::string_view("RXKGCNQE").find(c) != std::string_view::npos)
      fail(std::string("'\\") + c + "' is not supported");
    copy_escape(c);
  }

  // \b by Oniguruma's words, which are not PCRE2's.
  void word_border(bool negated) {
    const std::string word = "[" + unicode::word_class(/*inside_class=*/false) + "]";
    const std::string at_end = negated ? "(?<=W)(?=W)" : "(?<=W)(?!W)";
    const std::string at_begin = negated ? "(?<!W)(?!W)" : "(?<!W)(?=W)";
    out_ += "(?:";
    for (const char c : at_end + "|" + at_begin) out_ += c == 'W' ? word : std::string(1, c);
    out_ += ")";
    pos_ += 2;
  }

  // Consumes \s, \p{L} and their like; false leaves the position alone.
  bool class_escape(char c, bool inside_class, std::string* inside, bool* negated) {
    *negated = c == 'S' || c == 'D' || c == 'W' || c == 'H';
    switch (c) {
      case 's':
      case 'S':
        *inside = unicode::kWhitespaceClass;
        break;
      case 'd':
      case 'D':
        *inside = unicode::category_class("Nd");
        break;
      case 'w':
      case 'W':
        *inside = unicode::word_class(inside_class);
        break;
      case 'h':
      case 'H':
        *inside = "0-9A-Fa-f";
        break;
      case 'p':
      case 'P':
        *inside = property(negated);
        return true;
      default:
        return false;
    }
    pos_ += 2;
    return true;
  }

  // \p{L}, \p{^L}, \P{L}, \p{Han}
  std::string property(bool* negated) {
    const size_t close = in_.find('}', pos_);
    if (in_.substr(pos_ + 2, 1) != "{" || close == std::string_view::npos)
      fail("'\\p' without a name in braces");
    std::string_view name = in_.substr(pos_ + 3, close - pos_ - 3);
    *negated = in_[pos_ + 1] == 'P';
    if (name.starts_with('^')) {
      *negated = !*negated;
      name.remove_prefix(1);
    }
    pos_ = close + 1;
    if (unicode::is_category_name(name)) return unicode::category_class(name);
    return "\\p{sc:" + std::string(name) +
           "}";  // a script, not PCRE2's default of script extensions
  }

  void copy_escape(char c) {
    if (c == 'u') {
      if (pos_ + 6 > in_.size()) fail("'\\u' without four hexadecimal digits");
      out_ += "\\x{" + std::string(in_.substr(pos_ + 2, 4)) + "}";
      pos_ += 6;
      return;
    }
    out_ += in_.substr(pos_, 2);
    pos_ += 2;
  }

  // (?m: lets the dot match a newline in Oniguruma; PCRE2 spells that s.
  void group_options() {
    out_ += "(?";
    pos_ += 2;
    size_t end = pos_;
    while (end < in_.size() && std::string_view("imx-").find(in_[end]) != std::string_view::npos)
      ++end;
    if (end == in_.size() || (in_[end] != ':' && in_[end] != ')')) return;
    for (; pos_ < end; ++pos_) out_ += in_[pos_] == 'm' ? 's' : in_[pos_];
  }

  void character_class() {
    out_ += in_[pos_++];
    if (in_.substr(pos_, 1) == "^") out_ += in_[pos_++];
    for (bool first = true;; first = false) {
      if (pos_ >= in_.size()) fail("'[' without ']'");
      const char c = in_[pos_];
      if (c == '\\') {
        escape_in_class();
        continue;
      }
      if (c == '[') fail("a class inside a class is not supported");
      if (in_.substr(pos_, 2) == "&&") fail("'&&' inside a class is not supported");
      out_ += c;
      ++pos_;
      if (c == ']' && !first) return;
    }
  }

  void escape_in_class() {
    const char c = escaped();
    if (c == 'S') {
      out_ += unicode::kNotWhitespaceClass;
      pos_ += 2;
      return;
    }
    bool negated = false;
    std::string inside;
    if (!class_escape(c, /*inside_class=*/true, &inside, &negated)) return copy_escape(c);
    if (negated) fail("a negated class inside a class is not supported");
    out_ += inside;
  }

  std::string_view in_;
  size_t pos_ = 0;
  std::string out_;
};

}  // namespace

std::string to_pcre2(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace kvhost::tok
