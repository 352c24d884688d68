// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern_translate.hpp"

#include <array>
#include <optional>
#include <utility>

#include "tokenizer/unicode.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

constexpr int kDeepestGroup = 200;  // groups in groups

// \b by Oniguruma's words, which are not PCRE2's.
std::string word_border(bool negated) {
  const std::string word = "[" + unicode::word_class(/*inside_class=*/false) + "]";
  const std::string before = "(?<=" + word + ")", no_before = "(?<!" + word + ")";
  const std::string behind = "(?=" + word + ")", no_behind = "(?!" + word + ")";
  return negated ? "(?:" + before + behind + "|" + no_before + no_behind + ")"
                 : "(?:" + before + no_behind + "|" + no_before + behind + ")";
}

// Without regard to case, letters that together are the capital of one character (or the reverse)
// match that character too.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kFoldings = {{
    {"ffi", "(?:ffi|\\x{fb03}|\\x{fb00}i|f\\x{fb01})"},
    {"ffl", "(?:ffl|\\x{fb04}|\\x{fb00}l|f\\x{fb02})"},
    {"ff", "(?:ff|\\x{fb00})"},
    {"fi", "(?:fi|\\x{fb01})"},
    {"fl", "(?:fl|\\x{fb02})"},
    {"ss", "(?:ss|\\x{df}|\\x{1e9e})"},
    {"st", "(?:st|\\x{fb05}|\\x{fb06})"},
    {"\xC3\x9F", "(?:\\x{df}|\\x{1e9e}|ss)"},
    {"\xE1\xBA\x9E", "(?:\\x{df}|\\x{1e9e}|ss)"},
}};

bool same_letters(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  for (size_t i = 0; i < lower.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != lower[i]) return false;
  }
  return true;
}

struct Interval {
  size_t length = 0;  // bytes of "{n,m}"
  std::string low, high;
  bool comma = false;
};

class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  std::string run() {
    body({});
    if (pos_ < in_.size()) refuse_pattern("')' without '('", pos_);
    return std::move(out_);
  }

 private:
  struct Options {
    bool caseless = false, extended = false;
    int depth = 0;
  };

  // Up to the end of the group, whose ')' stays.
  void body(Options options) {
    while (pos_ < in_.size() && in_[pos_] != ')') {
      const size_t atom = out_.size();
      if (in_[pos_] == '|') {
        out_ += in_[pos_++];
        continue;
      }
      if (options.extended && skip_blank()) continue;
      if (is_option_group()) {  // reaches to the end of the group, over '|'
        option_group(options);
        continue;
      }
      read_atom(options);
      repetitions(atom);
    }
  }

  // What (?x) makes blank: it must not count as an atom.
  bool skip_blank() {
    const char c = in_[pos_];
    if (c == '#') {
      const size_t end = in_.find('\n', pos_);
      pos_ = end == in_.npos ? in_.size() : end;
      return true;
    }
    if (c != ' ' && (c < '\t' || c > '\r')) return false;
    ++pos_;
    return true;
  }

  // "(?imx-imx)": the letters end in ')'.
  bool is_option_group() const {
    if (in_.substr(pos_, 2) != "(?") return false;
    const size_t end = in_.find_first_not_of("imx-", pos_ + 2);
    return end != in_.npos && end > pos_ + 2 && in_[end] == ')';
  }

  // Copies the letters: (?m: lets the dot match a newline in Oniguruma; PCRE2 spells that s.
  void option_letters(Options* options) {
    bool on = true;
    for (; std::string_view("imx-").find(in_[pos_]) != std::string_view::npos; ++pos_) {
      const char c = in_[pos_];
      if (c == '-') on = false;
      if (c == 'i') options->caseless = on;
      if (c == 'x') options->extended = on;
      if (c == 'x') continue;  // what it makes blank is left out below
      out_ += c == 'm' ? 's' : c;
    }
  }

  void option_group(Options options) {
    pos_ += 2;
    out_ += "(?";
    option_letters(&options);
    ++pos_;
    out_ += ':';
    body(deeper(options));
    out_ += ')';
  }

  Options deeper(Options options) const {
    if (++options.depth > kDeepestGroup) refuse_pattern("groups are nested too deeply", pos_);
    return options;
  }

  void read_atom(const Options& options) {
    const char c = in_[pos_];
    if (c == '\\') {
      escape();
    } else if (c == '[') {
      out_ += read_class(in_, &pos_, options.caseless);
    } else if (c == '(') {
      group(options);
    } else if (options.caseless && folding()) {
      return;
    } else if (c == '{' && !interval()) {
      out_ += "\\{";
      ++pos_;
    } else {
      const size_t begin = pos_;
      utf8::next(in_, pos_);
      out_ += in_.substr(begin, pos_ - begin);
    }
  }

  bool folding() {
    for (const auto& [letters, pattern] : kFoldings) {
      if (!same_letters(in_.substr(pos_), letters)) continue;
      const std::string_view rest = in_.substr(pos_ + letters.size());
      if (!rest.empty() && std::string_view("*+?{").find(rest[0]) != std::string_view::npos)
        continue;
      out_ += pattern;
      pos_ += letters.size();
      return true;
    }
    return false;
  }

  void escape() {
    EscapedClass found;
    if (read_escaped_class(in_, &pos_, /*inside_class=*/false, &found)) {
      out_ += found.text();
      return;
    }
    const char c = in_.substr(pos_).size() > 1 ? in_[pos_ + 1] : '\0';
    const auto put = [&](const std::string& text) {
      out_ += text;
      pos_ += 2;
    };
    if (c == 'b' || c == 'B') return put(word_border(c == 'B'));
    if (c == 'N') return put("[^\\n]");
    if (c == 'O') return put("(?s:.)");
    if (std::string_view("RXKGCMQEyY").find(c) != std::string_view::npos)
      refuse_pattern(std::string("'\\") + c + "' is not supported", pos_);
    out_ += read_escape(in_, &pos_);
  }

  void group(Options options) {
    if (in_.substr(pos_, 3) == "(?#") {
      const size_t close = in_.find(')', pos_);
      if (close == in_.npos) refuse_pattern("a comment without ')'", pos_);
      pos_ = close + 1;
      return;
    }
    if (in_.substr(pos_, 2) == "(*" || in_.substr(pos_, 3) == "(?~" || in_.substr(pos_, 3) == "(?(")
      refuse_pattern("'" + std::string(in_.substr(pos_, 3)) + "' is not supported", pos_);
    const size_t begin = pos_;
    out_ += in_[pos_++];
    if (in_.substr(pos_, 1) == "?") head(&options);
    body(deeper(options));
    if (pos_ >= in_.size()) refuse_pattern("'(' without ')'", begin);
    out_ += in_[pos_++];
  }

  // Behind "(": "?:", "?i-m:", "?<name>", "?<=", "?!".
  void head(Options* options) {
    out_ += in_[pos_++];
    const size_t end = in_.find_first_not_of("imx-", pos_);
    if (end != in_.npos && in_[end] == ':') {
      option_letters(options);
      out_ += in_[pos_++];
    } else if (in_.substr(pos_, 1) == "<") {
      out_ += in_[pos_++];
      const bool behind = in_.substr(pos_, 1) == "=" || in_.substr(pos_, 1) == "!";
      const size_t close = behind ? pos_ : in_.find('>', pos_);
      if (close == in_.npos) refuse_pattern("a group's name without '>'", pos_);
      out_ += in_.substr(pos_, close + 1 - pos_);
      pos_ = close + 1;
    } else if (std::string_view("=!>").find(in_.substr(pos_, 1)) != std::string_view::npos &&
               pos_ < in_.size()) {
      out_ += in_[pos_++];
    } else {
      refuse_pattern("'(?" + std::string(in_.substr(pos_, 1)) + "' is not known", pos_);
    }
  }

  // {n}, {n,}, {,m}, {n,m} at the position; anything else in braces is text.
  std::optional<Interval> interval() const {
    Interval found;
    size_t at = pos_ + 1;
    const auto digits = [&](std::string* out) {
      while (at < in_.size() && in_[at] >= '0' && in_[at] <= '9') *out += in_[at++];
    };
    digits(&found.low);
    if (in_.substr(at, 1) == ",") {
      found.comma = true;
      ++at;
      digits(&found.high);
    }
    if (in_.substr(at, 1) != "}" || (found.low.empty() && found.high.empty())) return std::nullopt;
    if (found.low.size() > 6 || found.high.size() > 6)
      refuse_pattern("a repetition of too many times", pos_);
    found.length = at + 1 - pos_;
    return found;
  }

  // What follows the atom that `out_` has from `atom` on.
  void repetitions(size_t atom) {
    while (pos_ < in_.size()) {
      const char c = in_[pos_];
      if (c == '*' || c == '+' || c == '?') {
        out_ += c;
        ++pos_;
        // Lazy or possessive.
        if (in_.substr(pos_, 1) == "?" || in_.substr(pos_, 1) == "+") out_ += in_[pos_++];
      } else if (const auto found = c == '{' ? interval() : std::nullopt) {
        repeat(*found, atom);
      } else {
        return;
      }
      // Another repetition repeats all of it.
      if (pos_ < in_.size() && std::string_view("*+?{").find(in_[pos_]) != std::string_view::npos)
        wrap(atom);
    }
  }

  void wrap(size_t atom) {
    out_.insert(atom, "(?:");
    out_ += ')';
  }

  // Two bounds the wrong way round are possessive. Behind an interval '+' repeats it, and '?' makes
  // {n} optional.
  void repeat(Interval found, size_t atom) {
    pos_ += found.length;
    if (found.low.empty()) found.low = "0";
    const bool swapped =
        !found.high.empty() && std::stoi(found.high) < std::stoi(found.low);
    if (swapped) std::swap(found.low, found.high);
    out_ += "{" + found.low + (found.comma ? "," + found.high : "") + "}";
    if (swapped) out_ += '+';
    if (found.comma && !swapped && in_.substr(pos_, 1) == "?") {
      out_ += in_[pos_++];
    } else if (in_.substr(pos_, 1) == "?") {
      wrap(atom);
      out_ += in_[pos_++];
    }
  }

  std::string_view in_;
  size_t pos_ = 0;
  std::string out_;
};

}  // namespace

std::string to_pcre2(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace kvhost::tok
