// SPDX-License-Identifier: Apache-2.0
// Patterns against Oniguruma, as the reference library runs it (patterns.json).
#include <catch2/catch.hpp>

#include "golden.hpp"
#include "tokenizer/pattern_translate.hpp"
#include "tokenizer/regex.hpp"
#include "tokenizer/utf8.hpp"

using kvhost::tok::Pattern;
using kvhost::tok::Span;
using nlohmann::json;

namespace {

const json& patterns() {
  static const json all = golden::load("patterns.json");
  return all;
}

// Where the text is cut; empty pieces are dropped.
std::vector<std::string> cut(const Pattern& pattern, const std::string& text) {
  std::vector<Span> spans;
  pattern.find(text, &spans);
  std::vector<std::string> pieces;
  for (const Span& s : spans)
    if (s.end > s.begin) pieces.push_back(text.substr(s.begin, s.end - s.begin));
  return pieces;
}

// Nested repetitions that PCRE2 gives up on (an error for the user), where Oniguruma remembers what
// it tried.
bool gives_up(const Pattern& pattern, const json& texts) {
  try {
    for (const json& text : texts) cut(pattern, text.get<std::string>());
    return false;
  } catch (const kvhost::Error& e) {
    CHECK_THAT(e.what(), Catch::Contains("match limit exceeded"));
    return true;
  }
}

bool is_refused(const std::string& source) {
  try {
    kvhost::tok::to_pcre2(source);
    return false;
  } catch (const kvhost::tok::PatternError& e) {
    CHECK_THAT(e.what(), Catch::Contains("without regard to case"));
    return true;
  }
}

}  // namespace

TEST_CASE("patterns cut where Oniguruma cuts") {
  const json& texts = patterns()["texts"];
  for (const json& row : patterns()["written"]) {
    const auto source = row[0].get<std::string>();
    INFO(source << " as " << kvhost::tok::to_pcre2(source));
    const Pattern pattern = Pattern::regex(source);
    for (size_t i = 0; i < texts.size(); ++i)
      CHECK(cut(pattern, texts[i].get<std::string>()) == row[1][i].get<std::vector<std::string>>());
  }
}

TEST_CASE("generated patterns cut where Oniguruma cuts") {
  const json& texts = patterns()["texts"];
  const size_t n = patterns()["generated"].size();
  REQUIRE(n > 1000);
  size_t n_refused = 0, n_given_up = 0;
  for (const json& row : patterns()["generated"]) {
    const auto source = row[0].get<std::string>();
    if (is_refused(source)) {  // rather than cut otherwise
      ++n_refused;
      continue;
    }
    INFO(source << " as " << kvhost::tok::to_pcre2(source));
    const Pattern pattern = Pattern::regex(source);
    if (gives_up(pattern, texts)) {
      ++n_given_up;
      continue;
    }
    golden::Fnv hash;
    for (const json& text : texts) {
      std::vector<int32_t> lengths;
      for (const std::string& piece : cut(pattern, text.get<std::string>()))
        lengths.push_back(static_cast<int32_t>(piece.size()));
      hash.list(lengths);
    }
    CHECK(hash.hex() == row[1].get<std::string>());
  }
  CHECK(n_refused < n / 10);
  CHECK(n_given_up < n / 200);
}

TEST_CASE("properties hold the code points that they hold in Oniguruma") {
  const json assigned = golden::load("components.json")["assigned"];
  for (const json& row : patterns()["sweeps"]) {
    INFO(row[0].get<std::string>());
    const Pattern pattern = Pattern::regex(row[0].get<std::string>());
    std::vector<int32_t> kept;
    for (const json& range : assigned) {
      std::string text;
      for (auto c = range[0].get<char32_t>(); c <= range[1].get<char32_t>(); ++c)
        kvhost::utf8::append(text, c);
      std::vector<Span> spans;
      pattern.find(text, &spans);
      for (const Span& s : spans)
        for (size_t pos = s.begin; !s.match && pos < s.end;)
          kept.push_back(static_cast<int32_t>(kvhost::utf8::next(text, pos)));
    }
    golden::Fnv hash;
    hash.list(kept);
    CHECK(kept.size() == row[1].get<size_t>());
    CHECK(hash.hex() == row[2].get<std::string>());
  }
}
