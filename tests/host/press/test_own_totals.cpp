// SPDX-License-Identifier: Apache-2.0
// Methods that decide by themselves how much is kept, and presses that rewrite keys and positions.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

constexpr int64_t kTokens = 70, kAny = 5;  // a budget that must not matter

// Of one layer and head: its first `sinks` and last `recent` tokens.
std::vector<int32_t> ends(int64_t sinks, int64_t recent) {
  std::vector<int32_t> positions;
  for (int32_t p = 0; p < kTokens; ++p)
    if (p < sinks || p >= kTokens - recent) positions.push_back(p);
  return positions;
}

}  // namespace

TEST_CASE("duo_attention: half of the heads stream, the others keep everything") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(kTokens, 4);
  const PressedCache pressed(model, "duo_attention(sink_size=3,recent_size=11)", tokens, kAny);
  size_t streaming = 0, whole = 0;
  for (const auto& layer : held_positions(pressed.cache))
    for (const auto& head : layer) {
      streaming += head == ends(3, 11);
      whole += std::ssize(head) == kTokens;
    }
  CHECK(streaming == whole);
  CHECK(streaming + whole ==
        static_cast<size_t>(model.config().n_layers * model.config().n_kv_heads));
}

TEST_CASE("lukv: the first and last tokens stay, heads differ, the total is near the ratio") {
  const TinyModel model("qwen3");
  const auto tokens = model.random_tokens(kTokens, 4);
  const PressedCache pressed(model, "lukv(compression_ratio=0.6):knorm", tokens, kAny);
  int64_t total = 0;
  std::vector<size_t> sizes;
  for (const auto& layer : held_positions(pressed.cache))
    for (const auto& head : layer) {
      total += std::ssize(head);
      sizes.push_back(head.size());
      CHECK(std::vector<int32_t>(head.begin(), head.begin() + 4) ==
            std::vector<int32_t>{0, 1, 2, 3});
      CHECK(head.back() == kTokens - 1);
    }
  CHECK(*std::min_element(sizes.begin(), sizes.end()) <
        *std::max_element(sizes.begin(), sizes.end()));
  const double kept = static_cast<double>(total) /
                      static_cast<double>(kTokens * static_cast<int64_t>(sizes.size()));
  CHECK(kept > 0.25);
  CHECK(kept < 0.55);
}

TEST_CASE("dms: what scores below the threshold goes once it has left the window") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(kTokens, 4);
  const double threshold = -4;
  const PressedCache pressed(model, "dms(threshold=-4,sliding_window_size=9):knorm", tokens, kAny);
  const auto held = held_positions(pressed.cache);
  for (size_t l = 0; l < held.size(); ++l)
    for (size_t h = 0; h < held[l].size(); ++h) {
      std::vector<int32_t> expected;
      for (int32_t p = 0; p < kTokens; ++p)
        if (p >= kTokens - 9 || pressed.trace.scores[l][h][static_cast<size_t>(p)] >= threshold)
          expected.push_back(p);
      CHECK(held[l][h] == expected);
    }
}

TEST_CASE("simlayerkv: above threshold 0 every layer is lazy, at threshold 1 none") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(kTokens, 4);
  const auto with = [&](const std::string& threshold) {
    const std::string text = "simlayerkv(lazy_threshold=" + threshold +
                             ",n_initial=2,n_recent=20,n_last=1):streaming_llm(n_sink=2)";
    return held_positions(PressedCache(model, text, tokens, kAny).cache);
  };
  for (const auto& layer : with("0"))
    for (const auto& head : layer) CHECK(head == ends(2, 19));
  for (const auto& layer : with("1"))
    for (const auto& head : layer) CHECK(std::ssize(head) == kTokens);
}

TEST_CASE("a method that decides its total and a layer allocator do not go together") {
  const TinyModel model("llama_gqa");
  CHECK_THROWS_WITH(
      PressedCache(model, "uniform:dms(threshold=-4):knorm", model.random_tokens(kTokens, 4), kAny),
      Catch::Contains("decides by itself how much a layer keeps"));
}

TEST_CASE("key_rerotation: keys turn by the distance moved, values stay, the sequence goes on") {
  for (const std::string name : {"llama_gqa", "neox_parallel", "llama_yarn"}) {
    const TinyModel model(name);
    INFO(name);
    const auto tokens = model.random_tokens(kTokens, 4);
    const PressedCache plain(model, "streaming_llm", tokens, 16);
    const PressedCache moved(model, "key_rerotation:streaming_llm", tokens, 16);
    const RopeConfig& rope = model.config().rope;
    const int64_t d = model.config().head_dim, half = rope.rotary_dim / 2;
    CHECK(plain.cache.n_seen() == kTokens);
    CHECK(moved.cache.n_seen() == 16);
    const HeadSpan from = plain.cache.head(1, 0), to = moved.cache.head(1, 0);
    const auto* before = static_cast<const float*>(from.keys);
    const auto* after = static_cast<const float*>(to.keys);
    REQUIRE(from.n == to.n);
    CHECK(std::equal(static_cast<const float*>(from.values),
                     static_cast<const float*>(from.values) + from.n * d,
                     static_cast<const float*>(to.values)));
    for (int64_t i = 0; i < to.n; ++i) {
      CHECK(to.positions[i] == i);
      const double distance = static_cast<double>(from.positions[i]) - static_cast<double>(i);
      for (int64_t c = 0; c < half; ++c) {
        const double angle = -distance * static_cast<double>(rope.inv_freq[static_cast<size_t>(c)]);
        const double x = before[i * d + c], y = before[i * d + c + half];
        CHECK(after[i * d + c] == Approx(x * std::cos(angle) - y * std::sin(angle)).margin(2e-4));
        CHECK(after[i * d + c + half] ==
              Approx(y * std::cos(angle) + x * std::sin(angle)).margin(2e-4));
      }
    }
  }
}

TEST_CASE("while generating, a method that states sizes goes by them as the sequence grows") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(60, 4);
  // 20 tokens stay whole; of 21 to 60 a share that falls from 0.9 to 0.3 stays, 20 at least.
  const std::string text = "adaptive_l2(soft_limit=20,hard_limit=50,target_size=33)";
  const Press press(composed(text, KVH_METHOD_DECODE), model.config(), DType::Float32, context());
  CHECK(press.own_entries_per_head(19) == 19);
  CHECK(press.own_entries_per_head(40) == 20);
  CHECK(press.own_entries_per_head(60) == 33);
  KvCache cache(model.decoder->cache_layout());
  Timings timings;
  DecodePolicy policy{1};
  policy.entries_per_head = DecodePolicy::kOwn;
  DecodeRun run({press, *model.decoder, cache, timings}, policy);
  int64_t held = 0;
  for (int64_t i = 0; i < std::ssize(tokens); ++i) {
    run.begin_forward(1);
    ForwardOptions options;
    options.capture = run.capture();
    options.sink = [&](int64_t layer, const LayerCapture& capture) {
      run.on_layer(layer, capture);
    };
    model.decoder->forward(std::span(&tokens[static_cast<size_t>(i)], 1), cache, options);
    run.end_forward();
    held = std::min(held + 1, press.own_entries_per_head(i + 1));
    INFO(i + 1 << " tokens");
    CHECK(cache.n_kept(1, 0) == held);
  }
}
