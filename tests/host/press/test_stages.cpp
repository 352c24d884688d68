// SPDX-License-Identifier: Apache-2.0
// Compositions joined by +: one selection after the other.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

std::string refusal(const std::string& text) {
  try {
    const TinyModel model("llama_gqa");
    const Press press(composed(text), model.config(), DType::Float32, context());
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

int64_t entries(const Positions& held) {
  int64_t n = 0;
  for (const auto& layer : held)
    for (const auto& head : layer) n += std::ssize(head);
  return n;
}

}  // namespace

TEST_CASE("stages have one canonical text and JSON") {
  const auto text = "rankkv:adakv:snapkv(window_size=8)+knorm";
  const Composition composition = composed(text);
  CHECK(composition.stages.size() == 2);
  CHECK(composition.text() == text);
  const auto json = nlohmann::json::parse(composition.json_text());
  CHECK(json.is_array());
  CHECK(json[1]["press"] == "knorm");
  const PressSource written{PressSource::Form::Json, composition.json_text(), "--config", ""};
  const Composition again = compose(written, catalog(), AliasTable(), KVH_METHOD_PREFILL);
  CHECK(again.text() == text);
}

TEST_CASE("the default scorers of the catalogue are scorers, and are written out") {
  size_t n_defaults = 0;
  for (const auto& method : catalog().methods()) {
    if (method.default_inner.empty()) continue;
    INFO(method.name);
    ++n_defaults;
    CHECK(composed(method.name).text() == method.name + ":" + method.default_inner);
  }
  CHECK(n_defaults > 0);
  CHECK(composed("pyramidkv").text() == "pyramidkv:snapkv");
  CHECK(composed("chunkkv").text() == "chunkkv:snapkv");
  CHECK(composed("rankkv:adakv").text() == "rankkv:adakv:snapkv");
  CHECK(composed("block").text() == "block:keydiff");
}

TEST_CASE("the totals of stages shrink by equal shares and end exactly") {
  const TinyModel model("llama_gqa");
  const Press press(composed("knorm+snapkv+knorm"), model.config(), DType::Float32, context());
  CHECK(press.totals(1000, 125) == std::vector<int64_t>{500, 250, 125});
  CHECK(press.totals(1000, 2000) == std::vector<int64_t>{1000, 1000, 1000});
}

TEST_CASE("the same scorer twice keeps what it keeps once") {
  for (const std::string name : {"llama_gqa", "qwen3", "mistral_window"}) {
    const TinyModel model(name);
    const auto tokens = model.random_tokens(150, 7);
    INFO(name);
    const PressedCache once(model, "knorm", tokens, 12), twice(model, "knorm+knorm", tokens, 12);
    CHECK(held_positions(once.cache) == held_positions(twice.cache));
  }
}

TEST_CASE("a later stage selects among what the earlier one left, exactly to the total") {
  const TinyModel model("qwen3");
  const auto& c = model.config();
  const auto tokens = model.random_tokens(160, 5);
  for (const std::string first : {"streaming_llm", "rankkv(profile=none):adakv:knorm"}) {
    INFO(first);
    const PressedCache both(model, first + "+snapkv(window_size=4)", tokens, 10);
    const PressedCache alone(model, first, tokens, 40);  // sqrt(160 * 10)
    const auto held = held_positions(both.cache), allowed = held_positions(alone.cache);
    CHECK(entries(held) == 10 * c.n_layers * c.n_kv_heads);
    for (size_t l = 0; l < held.size(); ++l)
      for (size_t h = 0; h < held[l].size(); ++h)
        CHECK(std::includes(
            allowed[l][h].begin(), allowed[l][h].end(), held[l][h].begin(), held[l][h].end()));
  }
}

TEST_CASE("only whole compositions are joined, and only the first may wait for the prompt") {
  CHECK(refusal("adakv:(knorm+snapkv)") ==
        "--press, column 14: found a second part 'snapkv' inside 'adakv'; expected one: '+' joins "
        "whole compositions, as in adakv:knorm+snapkv");
  CHECK(refusal("knorm+rankkv(profile=none):snapkv") ==
        "--press, column 7: 'rankkv' decides from the prompt and stands after a '+'; expected it "
        "in the first part");
  CHECK(refusal("rankkv(profile=none):snapkv+knorm") == "accepted");
}
