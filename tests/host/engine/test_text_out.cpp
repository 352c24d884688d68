// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <filesystem>

#include "engine/text_out.hpp"

using namespace kvhost;

namespace {

const Tokenizer& bundled_tokenizer() {
  static const Tokenizer one =
      Tokenizer::load(std::filesystem::path(KVHOST_SOURCE_DIR) / "models/demo");
  return one;
}

bool whole_characters(const std::string& text) { return sanitize_utf8(text) == text; }

}  // namespace

TEST_CASE("text is given out in whole characters, whatever is held back for a stop text") {
  const std::string text = "caf\u00e9 \u20ac5 \U0001F600 na\u00efve \u00fc\u00fc\u00fc";
  for (const std::string stop : {"@@", "@@@", "@@@@@@@"}) {
    TextOut out(&bundled_tokenizer(), {stop});
    std::string told;
    for (const int32_t token : bundled_tokenizer().encode(text, false)) {
      CHECK(out.push(token));
      const std::string piece = out.take_new();
      CHECK(whole_characters(piece));
      told += piece;
    }
    out.finish();
    told += out.take_new();
    CHECK(told == text);
    CHECK(out.stop().empty());
  }
}

TEST_CASE("the first stop text ends a text before itself, and is named") {
  TextOut out(&bundled_tokenizer(), {"river", "town"});
  std::string told;
  bool goes_on = true;
  for (const int32_t token : bundled_tokenizer().encode("In the town by the river they met", false)) {
    if (!goes_on) break;
    goes_on = out.push(token);
    told += out.take_new();
  }
  CHECK_FALSE(goes_on);
  CHECK(told == "In the ");
  CHECK(out.text() == "In the ");
  CHECK(out.stop() == "town");
}

TEST_CASE("without a tokenizer there is no text") {
  TextOut out(nullptr, {"x"});
  CHECK(out.push(3));
  out.finish();
  CHECK(out.take_new().empty());
}
