// SPDX-License-Identifier: Apache-2.0
// Attention that a text receives from what comes behind it.
#include <catch2/catch.hpp>
#include <numeric>

#include "engine/full_reading.hpp"
#include "engine_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

TEST_CASE("what later tokens look at is what a scorer is shown that reads all in one prompt") {
  for (const std::string name : {"llama_gqa", "gemma2", "gpt_oss"}) {
    const Model model = tiny_model(name);
    const auto text = some_tokens(model, 60, 1), readers = some_tokens(model, 7, 2);
    FullReading reading(model, text);
    const ReceivedAttention received = reading.received(readers);

    std::vector<int32_t> both = text;
    both.insert(both.end(), readers.begin(), readers.end());
    // Sums of the last 7 rows of attention, each KV head by itself.
    const auto options = keeping(
        "h2o_attention(start_size=0,recent_size=0,head_mode=per_head,window_size=7)", 0.5);
    SequenceOptions with;
    with.keep_scores = true;
    Sequence sequence(model, engine().policy(model, options), with);
    sequence.prefill(both);
    const auto& scores = sequence.scores();
    REQUIRE(received.size() == scores.size());
    for (size_t l = 0; l < scores.size(); ++l) {
      REQUIRE(received[l].size() == scores[l].size());
      for (size_t h = 0; h < scores[l].size(); ++h) {
        if (scores[l][h].size() != both.size()) continue;  // a window has dropped some
        INFO(name << ", layer " << l << ", head " << h);
        REQUIRE(received[l][h].size() == text.size());
        const double ours = std::accumulate(received[l][h].begin(), received[l][h].end(), 0.0);
        const double theirs = std::accumulate(
            scores[l][h].begin(), scores[l][h].begin() + static_cast<int64_t>(text.size()), 0.0);
        REQUIRE(ours > 0);
        for (size_t i = 0; i < text.size(); ++i)
          CHECK(received[l][h][i] / ours == Approx(scores[l][h][i] / theirs).margin(1e-5));
      }
    }
  }
}

TEST_CASE("readers leave no trace: others, and the same again, find the text as it was") {
  const Model model = tiny_model("qwen3");
  const auto text = some_tokens(model, 50, 3), some = some_tokens(model, 5, 4),
             other = some_tokens(model, 9, 5);
  FullReading reading(model, text), fresh(model, text);
  const ReceivedAttention first = reading.received(some);
  CHECK(reading.received(other) == fresh.received(other));
  CHECK(reading.received(some) == first);
}
