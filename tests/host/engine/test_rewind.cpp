// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "engine/batch.hpp"
#include "engine/cache_needs.hpp"
#include "engine/rewind.hpp"
#include "engine_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

TEST_CASE("a batch hands out the logits behind every token, as force() does") {
  const Model model = tiny_model("llama_gqa");
  const auto prompt = some_tokens(model, 60, 1), more = some_tokens(model, 20, 2);
  const PolicyOptions press = keeping("snapkv(window_size=8)", 0.5);
  Sequence alone = read(model, press, prompt);
  std::vector<std::vector<float>> expected;
  alone.force(more, [&](size_t, std::span<const float> row) {
    expected.emplace_back(row.begin(), row.end());
  });
  Sequence first = read(model, press, prompt), other(model, engine().policy(model, press));
  Batch batch(model);
  std::vector<std::vector<float>> told;
  batch.add(first, more, [&](std::span<const float> row) {
    told.emplace_back(row.begin(), row.end());
  });
  batch.add(other, prompt);
  batch.run();
  REQUIRE(told.size() == more.size());
  for (size_t i = 0; i + 1 < more.size(); ++i)
    for (size_t k = 0; k < told[i].size(); ++k)
      REQUIRE(told[i][k] == Approx(expected[i + 1][k]).margin(1e-4));
}

TEST_CASE("a sequence that went back goes on as if it had never read further") {
  const Model model = tiny_model("llama_gqa");
  const auto prompt = some_tokens(model, 60, 1), more = some_tokens(model, 9, 2);
  for (const auto& press : {keeping("none", 0), keeping("snapkv(window_size=8)", 0.5)}) {
    Sequence straight = read(model, press, prompt);
    straight.append(more);
    Sequence turned = read(model, press, prompt);
    turned.append(some_tokens(model, 12, 3));
    REQUIRE(can_rewind(turned, 60));
    rewind(turned, 60);
    CHECK(turned.tokens() == prompt);
    turned.append(more);
    CHECK(logits_of(turned) == logits_of(straight));
    CHECK(entries_held(turned) == entries_held(straight));
  }
}

TEST_CASE("where something was dropped since, a sequence cannot go back") {
  const Model model = tiny_model("llama_gqa");
  const auto prompt = some_tokens(model, 60, 1);
  Sequence pressed = read(model, keeping("knorm", 0.5), prompt);
  CHECK_FALSE(can_rewind(pressed, 40));
  CHECK_FALSE(can_rewind(pressed, 61));
  CHECK_THROWS_WITH(rewind(pressed, 40), Catch::Contains("are gone"));
  PolicyOptions often = keeping("none", 0.5, "knorm");
  often.decode_every = 4;
  Sequence cut = read(model, often, prompt);
  cut.append(some_tokens(model, 10, 2));
  CHECK_FALSE(can_rewind(cut, 60));
}

TEST_CASE("what a prompt will take is what it takes") {
  const Model model = tiny_model("llama_gqa");
  const auto prompt = some_tokens(model, 80, 1);
  for (const std::string press : {"none", "knorm", "adakv:snapkv(window_size=8)", "pyramidkv:knorm"}) {
    const PolicyOptions options = keeping(press, press == "none" ? 0 : 0.25);
    const CacheNeeds needs = cache_needs(model, engine().policy(model, options), prompt);
    const Sequence sequence = read(model, options, prompt);
    INFO(press);
    CHECK(needs.full == sequence.memory().cache_bytes_full);
    CHECK(needs.kept == sequence.memory().cache_bytes_kept);
    CHECK(needs.entries == entries_held(sequence));
    CHECK(needs.peak <= needs.full);
    CHECK(needs.peak >= needs.kept);
    CHECK(cache_bytes_per_token(model) * 80 == needs.full);
  }
}
