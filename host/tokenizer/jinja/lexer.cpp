// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/lexer.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

namespace {

bool ascii_digit(char c) { return c >= '0' && c <= '9'; }

// One kind of line end, and none at the end of the template.
std::string normal_newlines(std::string_view source) {
  std::string out;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normal_newlines(source)), rest_(source_) {}

  std::vector<Token> run() {
    while (!rest_.empty()) read_root();
    add(TokenKind::End, "");
    return std::move(tokens_);
  }

 private:
  void read_root() {
    const size_t tag = find_tag();
    std::string_view text = rest_.substr(0, tag);
    if (tag == std::string_view::npos) {
      add(TokenKind::Data, std::string(text));
      advance(rest_.size());
      return;
    }
    const char type = rest_[tag + 1];
    const char sign = tag + 2 < rest_.size() ? rest_[tag + 2] : '\0';
    const size_t length = text.size();
    text = without_indent(text, sign, /*variable=*/type == '{');
    if (!text.empty()) add(TokenKind::Data, std::string(text));
    advance(length + 2 + (sign == '-' || sign == '+' ? 1 : 0));
    line_starts_ = false;
    if (type == '#')
      skip_comment();
    else if (type == '%' && raw_tag("raw"))
      read_raw();
    else
      read_tag(type == '{');
  }

  // Of "{{", "{%" or "{#", the first.
  size_t find_tag() const {
    for (size_t at = 0; (at = rest_.find('{', at)) != std::string_view::npos; ++at)
      if (at + 1 < rest_.size() && std::string_view("{%#").find(rest_[at + 1]) != std::string::npos)
        return at;
    return std::string_view::npos;
  }

  // What the sign of the tag behind it and lstrip_blocks leave of a text.
  std::string_view without_indent(std::string_view text, char sign, bool variable) const {
    if (sign == '-') return strip_right(text, std::nullopt);
    if (sign == '+' || variable) return text;
    const size_t line_break = text.rfind('\n');
    const size_t line = line_break == std::string_view::npos ? 0 : line_break + 1;
    if (line == 0 && !line_starts_) return text;
    return strip_left(text.substr(line), std::nullopt).empty() ? text.substr(0, line) : text;
  }

  // Behind "{%": is it {% raw %} or {% endraw %}? Then moves behind the tag.
  bool raw_tag(std::string_view name) {
    const std::string_view behind = strip_left(rest_, std::nullopt);
    if (behind.substr(0, name.size()) != name) return false;
    const std::string_view end = strip_left(behind.substr(name.size()), std::nullopt);
    const bool ends_raw = name == "endraw";
    for (const std::string_view close :
         {std::string_view("-%}"), std::string_view("+%}"), std::string_view("%}")}) {
      if (end.substr(0, close.size()) != close || (close[0] == '+' && !ends_raw)) continue;
      advance(rest_.size() - end.size() + close.size());
      drop_after(close[0], /*trim_newline=*/ends_raw);
      return true;
    }
    return false;
  }

  void read_raw() {
    const int line = line_;
    const std::string_view all = rest_;
    for (size_t at = 0; (at = all.find("{%", at)) != std::string_view::npos; at += 2) {
      const char sign = at + 2 < all.size() ? all[at + 2] : '\0';
      const bool signed_tag = sign == '-' || sign == '+';
      const std::string_view text = without_indent(all.substr(0, at), sign, /*variable=*/false);
      const int before = line_;
      advance(at + (signed_tag ? 3 : 2));
      if (raw_tag("endraw")) {
        if (!text.empty()) tokens_.push_back({TokenKind::Data, line, std::string(text)});
        return;
      }
      rest_ = all;
      line_ = before;
    }
    throw SyntaxFailure{line, "Missing end of raw directive"};
  }

  void skip_comment() {
    const size_t end = rest_.find("#}");
    if (end == std::string_view::npos) throw SyntaxFailure{line_, "Missing end of comment tag"};
    const char sign = end > 0 ? rest_[end - 1] : '\0';
    advance(end + 2);
    drop_after(sign, /*trim_newline=*/true);
  }

  // Behind a tag: "-" drops all white space, trim_blocks one line end, "+" nothing.
  void drop_after(char sign, bool trim_newline) {
    line_starts_ = false;
    size_t n = 0;
    if (sign == '-')
      n = rest_.size() - strip_left(rest_, std::nullopt).size();
    else if (sign != '+' && trim_newline && !rest_.empty() && rest_[0] == '\n')
      n = 1;
    if (n > 0) line_starts_ = rest_[n - 1] == '\n';
    advance(n);
  }

  void read_tag(bool variable) {
    add(variable ? TokenKind::VariableBegin : TokenKind::BlockBegin, "");
    const std::string_view close = variable ? "}}" : "%}";
    std::string
        open;  // brackets that wait for their end, so that {{ {'a': {}}}} ends where it should
    for (;;) {
      skip_spaces();
      if (rest_.empty()) {
        add(TokenKind::End, "");
        return;
      }
      const char sign = rest_[0];
      const bool with_sign = sign == '-' || (sign == '+' && !variable);
      if (open.empty() && rest_.substr(with_sign ? 1 : 0, 2) == close) {
        add(variable ? TokenKind::VariableEnd : TokenKind::BlockEnd, "");
        advance(with_sign ? 3 : 2);
        drop_after(with_sign ? sign : '\0', /*trim_newline=*/!variable);
        return;
      }
      read_token(&open);
    }
  }

  void skip_spaces() { advance(rest_.size() - strip_left(rest_, std::nullopt).size()); }

  void read_token(std::string* open) {
    const char c = rest_[0];
    size_t first = 0;
    const char32_t character = utf8::next(rest_, first);
    if (ascii_digit(c))
      read_number();
    else if (unicode::is_word(character))
      read_name();
    else if (c == '"' || c == '\'')
      read_text();
    else
      read_operator(open);
  }

  // Digits with single underscores between them, from `at`.
  size_t digits(size_t at) const {
    while (at < rest_.size() &&
           (ascii_digit(rest_[at]) ||
            (rest_[at] == '_' && at + 1 < rest_.size() && ascii_digit(rest_[at + 1]))))
      ++at;
    return at;
  }

  size_t behind_fraction(size_t at) const {
    return at + 1 < rest_.size() && rest_[at] == '.' && ascii_digit(rest_[at + 1]) ? digits(at + 1)
                                                                                   : at;
  }

  size_t behind_exponent(size_t at) const {
    if (at >= rest_.size() || (rest_[at] != 'e' && rest_[at] != 'E')) return at;
    const size_t sign = at + 1 < rest_.size() && (rest_[at + 1] == '+' || rest_[at + 1] == '-');
    const size_t first = at + 1 + sign;
    return first < rest_.size() && ascii_digit(rest_[first]) ? digits(first) : at;
  }

  void read_number() {
    const size_t whole = digits(0);
    // "a.1.2" is two accesses, not a number behind a dot.
    const bool behind_dot = !tokens_.empty() && tokens_.back().kind == TokenKind::Operator &&
                            tokens_.back().text == ".";
    const size_t end = behind_dot ? whole : behind_exponent(behind_fraction(whole));
    std::string text(rest_.substr(0, end));
    std::erase(text, '_');
    Token token{end > whole ? TokenKind::Float : TokenKind::Integer, line_, text};
    if (end > whole) {
      token.number = std::strtod(text.c_str(), nullptr);
    } else {
      if (text.size() > 1 && text.find_first_not_of('0') != std::string::npos && text[0] == '0')
        throw SyntaxFailure{line_, "the number " + text + " begins with 0"};
      const auto read = std::from_chars(text.data(), text.data() + text.size(), token.integer);
      if (read.ec != std::errc())
        throw SyntaxFailure{line_, "the number " + text + " has more than 64 bits"};
    }
    tokens_.push_back(std::move(token));
    advance(end);
  }

  void read_name() {
    size_t end = 0;
    while (end < rest_.size()) {
      size_t next = end;
      if (!unicode::is_word(utf8::next(rest_, next))) break;
      end = next;
    }
    add(TokenKind::Name, std::string(rest_.substr(0, end)));
    advance(end);
  }

  void read_text() {
    const char quote = rest_[0];
    size_t end = 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size())
      throw SyntaxFailure{line_, "unexpected char " + std::string(quote == '"' ? "'\"'" : "\"'\"")};
    add(TokenKind::Text, unescape(rest_.substr(1, end - 1), line_));
    advance(end + 1);
  }

  void read_operator(std::string* open) {
    static constexpr std::string_view kOperators[] = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    const auto* found = std::find_if(std::begin(kOperators), std::end(kOperators), [this](auto op) {
      return rest_.substr(0, op.size()) == op;
    });
    if (found == std::end(kOperators)) {
      size_t end = 0;
      utf8::next(rest_, end);
      throw SyntaxFailure{line_, "unexpected char '" + std::string(rest_.substr(0, end)) + "'"};
    }
    balance((*found)[0], open);
    add(TokenKind::Operator, std::string(*found));
    advance(found->size());
  }

  void balance(char c, std::string* open) const {
    const std::string_view begins = "{[(", ends = "}])";
    if (begins.find(c) != std::string::npos) open->push_back(ends[begins.find(c)]);
    if (ends.find(c) == std::string::npos) return;
    if (open->empty()) throw SyntaxFailure{line_, std::string("unexpected '") + c + "'"};
    if (open->back() != c)
      throw SyntaxFailure{line_,
                          std::string("unexpected '") + c + "', expected '" + open->back() + "'"};
    open->pop_back();
  }

  void add(TokenKind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }

  void advance(size_t n) {
    line_ += static_cast<int>(
        std::count(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(n), '\n'));
    rest_.remove_prefix(n);
  }

  std::string source_;
  std::string_view rest_;
  int line_ = 1;
  bool line_starts_ = true;  // what was read last ends a line
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace kvhost::jinja
