// SPDX-License-Identifier: Apache-2.0
#include "rank_profile.hpp"

#include <cmath>
#include <kvhost/resources.hpp>
#include <locale>
#include <sstream>

namespace kvhost::allocators {
namespace {

// Plugins see the SDK alone, so this reads the little JSON a profile needs: it takes two keys of
// the top object and checks the rest only for balance.
class Reader {
 public:
  Reader(const std::string& text, const std::string& path) : text_(text), path_(path) {}

  [[noreturn]] void fail(const std::string& what) const {
    sdk::bad_resource("/params/profile", path_ + ": " + what);
  }

  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    if (at_ == text_.size()) fail("the text ends too early; expected a JSON object");
    return text_[at_];
  }

  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (take(c)) return;
    const bool shown = text_[at_] > ' ' && text_[at_] <= '~';
    fail(std::string("'") + (shown ? text_[at_] : '?') + "' at byte " + std::to_string(at_) + "; expected '" + c +
         "'");
  }

  std::string string() {
    expect('"');
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\') out += text_[at_++];
      if (at_ < text_.size()) out += text_[at_++];
    }
    if (at_ == text_.size()) fail("a string without an end; expected a closing quote");
    ++at_;
    return out;
  }

  double number() {
    peek();
    const size_t end = text_.find_first_not_of("+-.0123456789eE", at_);
    std::istringstream in(text_.substr(at_, end - at_));
    in.imbue(std::locale::classic());
    double value = 0;
    if (!(in >> value) || in.peek() != std::istringstream::traits_type::eof()) {
      fail("no number at byte " + std::to_string(at_) + "; expected one");
    }
    at_ = end == std::string::npos ? text_.size() : end;
    return value;
  }

  std::vector<double> numbers() {
    std::vector<double> out;
    expect('[');
    if (take(']')) return out;
    do {
      out.push_back(number());
    } while (take(','));
    expect(']');
    return out;
  }

  void skip_value() {
    const char c = peek();
    if (c == '"') {
      string();
    } else if (c == '{' || c == '[') {
      skip_nested();
    } else {
      at_ = text_.find_first_of(",}] \t\r\n", at_);
      if (at_ == std::string::npos) at_ = text_.size();
    }
  }

 private:
  void skip_nested() {
    int depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        string();
        continue;
      }
      depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
      ++at_;
    } while (depth > 0);
  }

  const std::string& text_;
  const std::string& path_;
  size_t at_ = 0;
};

void check_ranks(const Reader& reader, const std::vector<double>& ranks, int32_t n_layers) {
  if (static_cast<int32_t>(ranks.size()) != n_layers) {
    reader.fail(std::to_string(ranks.size()) + " ranks; the model has " + std::to_string(n_layers) +
                " layers");
  }
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (!std::isfinite(ranks[i]) || ranks[i] <= 0) {
      reader.fail("rank " + std::to_string(ranks[i]) + " of layer " + std::to_string(i) +
                  "; expected a number above 0");
    }
  }
}

}  // namespace

std::vector<double> parse_rank_profile(const std::string& text,
                                       const std::string& path,
                                       int32_t n_layers) {
  Reader reader(text, path);
  std::vector<double> ranks;
  double schema = 0;
  reader.expect('{');
  if (!reader.take('}')) {
    do {
      const std::string key = reader.string();
      reader.expect(':');
      if (key == "schema") {
        schema = reader.number();
      } else if (key == "ranks") {
        ranks = reader.numbers();
      } else {
        reader.skip_value();
      }
    } while (reader.take(','));
    reader.expect('}');
  }
  if (schema != 1) reader.fail("schema " + std::to_string(schema) + "; expected \"schema\": 1");
  check_ranks(reader, ranks, n_layers);
  return ranks;
}

std::vector<double> read_rank_profile(const std::string& path, int32_t n_layers) {
  constexpr int64_t kMost = 16 << 20;  // a number for each layer, and whatever notes stand beside
  const auto text = sdk::read_resource(path, kMost, "/params/profile", "a rank profile");
  return parse_rank_profile(text, path, n_layers);
}

}  // namespace kvhost::allocators
