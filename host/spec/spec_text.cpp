// SPDX-License-Identifier: Apache-2.0
// Recursive descent over the text form. Every refusal names the column (1-based) of what it found.
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "spec/spec.hpp"

namespace kvhost {
namespace {

using registry::Value;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
}

// A number as JSON writes it (so that 007, +1 and 1. stay words), or one that begins with the
// point.
std::optional<Value> number(const std::string& bare) {
  const std::string text = bare[0] == '.' ? "0" + bare : bare;
  size_t i = text[0] == '-' ? 1 : 0;
  const auto digits = [&] {
    const size_t start = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - start;
  };
  const bool leading_zero = i < text.size() && text[i] == '0';
  const size_t n_whole = digits();
  if (n_whole == 0 || (leading_zero && n_whole > 1)) return std::nullopt;
  const bool integer = i == text.size();
  if (i < text.size() && text[i] == '.' && (++i, digits() == 0)) return std::nullopt;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return std::nullopt;
  }
  if (i != text.size()) return std::nullopt;
  const char* const end = text.data() + text.size();
  int64_t whole = 0;
  if (integer && std::from_chars(text.data(), end, whole).ec == std::errc()) return whole;
  double real = 0;
  if (std::from_chars(text.data(), end, real).ec != std::errc()) return std::nullopt;
  return real;
}

class Parser {
 public:
  Parser(const std::string& text, const std::string& flag) : text_(text), flag_(flag) {}

  std::vector<Spec> parse() {
    skip_space();
    if (at_end()) fail("is empty", "expected a method name");
    auto specs = chain();
    if (!at_end()) fail("found '" + std::string(1, peek()) + "'", "expected ':', '+' or the end");
    return specs;
  }

 private:
  std::vector<Spec> chain() {
    std::vector<Spec> members = item();
    while (eat('+')) {
      auto next = item();
      members.insert(members.end(), next.begin(), next.end());
    }
    return members;
  }

  std::vector<Spec> item() {
    const Depth one_deeper(*this);
    skip_space();
    if (eat('(')) {
      auto group = chain();
      expect(')');
      return group;
    }
    Spec spec;
    spec.where = here();
    spec.name = word("a method name");
    if (eat('(')) parameters(spec);
    if (eat(':')) spec.inner = item();
    return {std::move(spec)};
  }

  // How deep methods and parentheses may stand inside one another.
  struct Depth {
    explicit Depth(Parser& at) : parser(at) {
      if (++parser.depth_ > kDeepestNesting)
        parser.fail("found more than " + std::to_string(kDeepestNesting) + " levels",
                    "expected at most that many inside one another");
    }
    ~Depth() { --parser.depth_; }
    Parser& parser;
  };

  void parameters(Spec& spec) {
    if (eat(')')) return;
    do {
      skip_space();
      SpecParam param;
      param.where = here();
      param.name = word("a parameter name");
      expect('=');
      param.value = value();
      spec.params.push_back(std::move(param));
    } while (eat(','));
    expect(')');
  }

  Value value() {
    skip_space();
    if (eat('[')) return list();
    if (!at_end() && (peek() == '"' || peek() == '\'')) return quoted();
    return scalar(bare_word());
  }

  std::string bare_word() {
    const size_t start = position_;
    while (!at_end() && std::string(",()[]").find(peek()) == std::string::npos) ++position_;
    std::string bare = text_.substr(start, position_ - start);
    while (!bare.empty() && std::isspace(static_cast<unsigned char>(bare.back()))) bare.pop_back();
    if (bare.empty()) fail(found(), "expected a value");
    return bare;
  }

  // Numbers; one fraction makes a list of fractions.
  Value list() {
    std::vector<int64_t> integers;
    std::vector<double> reals;
    if (eat(']')) return integers;
    do {
      skip_space();
      const size_t start = position_;
      const std::string bare = bare_word();
      const auto element = number(bare);
      if (!element) {
        position_ = start;
        fail("found '" + bare + "' in a list", "expected a number");
      }
      const auto* whole = element->if_is<int64_t>();
      if (whole) integers.push_back(*whole);
      reals.push_back(whole ? static_cast<double>(*whole) : element->as<double>());
    } while (eat(','));
    expect(']');
    if (integers.size() == reals.size()) return integers;
    return reals;
  }

  // In single quotes as it stands; in double ones with JSON's escapes, as Value::text() writes them.
  std::string quoted() {
    const size_t start = position_++;
    const char quote = text_[start];
    for (; !at_end() && peek() != quote; ++position_)
      if (quote == '"' && peek() == '\\') ++position_;
    if (at_end()) {
      position_ = text_.size();
      fail("found the end", std::string("expected a closing ") + quote);
    }
    ++position_;
    if (quote != '"') return text_.substr(start + 1, position_ - start - 2);
    const std::string whole = text_.substr(start, position_ - start);
    try {
      return parse_json(whole, flag_, ExitCode::BadRequest).get<std::string>();
    } catch (const Error&) {
      position_ = start;
      fail("found " + whole,
           "expected JSON's escapes in double quotes (\\\\ for a backslash), or single quotes");
    }
  }

  // true, false, none, a number, or else the word itself.
  static Value scalar(const std::string& bare) {
    if (bare == "none" || bare == "null" || bare == "None") return {};
    if (bare == "true" || bare == "True") return true;
    if (bare == "false" || bare == "False") return false;
    return number(bare).value_or(bare);
  }

  std::string word(const std::string& what) {
    skip_space();
    const size_t start = position_;
    while (!at_end() && is_name_char(peek())) ++position_;
    if (start == position_) fail(found(), "expected " + what);
    return text_.substr(start, position_ - start);
  }

  bool eat(char c) {
    skip_space();
    if (at_end() || peek() != c) return false;
    ++position_;
    return true;
  }

  void expect(char c) {
    if (!eat(c)) fail(found(), std::string("expected '") + c + "'");
  }

  void skip_space() {
    while (!at_end() && std::isspace(static_cast<unsigned char>(peek()))) ++position_;
  }
  bool at_end() const { return position_ >= text_.size(); }
  char peek() const { return text_[position_]; }
  std::string found() const {
    return at_end() ? "found the end" : "found '" + std::string(1, peek()) + "'";
  }
  std::string here() const { return flag_ + ", column " + std::to_string(position_ + 1); }
  [[noreturn]] void fail(const std::string& found, const std::string& expected) const {
    bad_request(here(), found + "; " + expected);
  }

  const std::string& text_;
  const std::string& flag_;
  size_t position_ = 0;
  int depth_ = 0;
};

}  // namespace

std::vector<Spec> parse_spec_text(const std::string& text, const std::string& flag) {
  return Parser(text, flag).parse();
}

}  // namespace kvhost
