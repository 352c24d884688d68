// SPDX-License-Identifier: Apache-2.0
// Recursive descent over the text form. Every refusal names the column (1-based) of what it found.
#include <cctype>

#include "base/error.hpp"
#include "spec/spec.hpp"

namespace kvhost {
namespace {

bool is_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
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

  nlohmann::json value() {
    skip_space();
    if (eat('[')) return list();
    if (!at_end() && (peek() == '"' || peek() == '\'')) return quoted();
    const size_t start = position_;
    while (!at_end() && std::string(",()[]").find(peek()) == std::string::npos) ++position_;
    std::string bare = text_.substr(start, position_ - start);
    while (!bare.empty() && std::isspace(static_cast<unsigned char>(bare.back()))) bare.pop_back();
    if (bare.empty()) fail(found(), "expected a value");
    return scalar(bare);
  }

  nlohmann::json list() {
    nlohmann::json values = nlohmann::json::array();
    if (eat(']')) return values;
    do values.push_back(value());
    while (eat(','));
    expect(']');
    return values;
  }

  nlohmann::json quoted() {
    const char quote = text_[position_++];
    const size_t end = text_.find(quote, position_);
    if (end == std::string::npos) {
      position_ = text_.size();
      fail("found the end", std::string("expected a closing ") + quote);
    }
    std::string inside = text_.substr(position_, end - position_);
    position_ = end + 1;
    return inside;
  }

  // true, false, none, a JSON number, or else the word itself.
  static nlohmann::json scalar(const std::string& bare) {
    if (bare == "none" || bare == "null" || bare == "None") return nullptr;
    if (bare == "True") return true;
    if (bare == "False") return false;
    nlohmann::json number =
        nlohmann::json::parse(bare[0] == '.' ? "0" + bare : bare, nullptr, false);
    if (number.is_number() || number.is_boolean()) return number;
    return bare;
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
};

}  // namespace

std::vector<Spec> parse_spec_text(const std::string& text, const std::string& flag) {
  return Parser(text, flag).parse();
}

}  // namespace kvhost
