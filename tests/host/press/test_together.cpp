// SPDX-License-Identifier: Apache-2.0
// Cuts while generating that wait for all layers: totals, what stays is what was asked for, and
// attention over it.
#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "base/error.hpp"
#include "press_fixture.hpp"
#include "support/tensor_file.hpp"
#include "support/trigonometric_scores.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

constexpr int64_t kPrompt = 60, kNew = 30, kHeld = 70;

struct Generated {
  KvCache cache;
  std::vector<DecodeCut> cuts;
};

// Some tokens behind a prompt; kHeld entries a head remain after each cut.
Generated generated(const TinyModel& model,
                    const std::string& press,
                    int64_t every,
                    const std::string& prompt_press = "none",
                    int64_t n_new = kNew) {
  const auto tokens = model.random_tokens(kPrompt + kNew, 12);
  const int64_t end = kPrompt + n_new;
  PressedCache pressed(
      model, prompt_press, {tokens.begin(), tokens.begin() + kPrompt}, /*entries_per_head=*/20);
  KvCache cache = std::move(pressed.cache);
  if (press.empty()) {
    for (int64_t i = kPrompt; i < end; ++i)
      model.decoder->forward(std::span(&tokens[i], 1), cache);
    return {std::move(cache), {}};
  }
  const Press decode(
      composed(press, KVH_METHOD_DECODE), model.config(), DType::Float32, context());
  check_decodes(decode);
  Timings timings;
  PressedSequence on{decode, *model.decoder, cache, timings};
  on.n_prompt = kPrompt;
  DecodeRun run(on, DecodePolicy{every, kHeld});
  for (int64_t i = kPrompt; i < end; ++i) {
    run.begin_forward(1);
    ForwardOptions options;
    options.capture = run.capture();
    options.sink = [&](int64_t layer, const LayerCapture& capture) { run.on_layer(layer, capture); };
    model.decoder->forward(std::span(&tokens[i], 1), cache, options);
    run.end_forward();
  }
  return {std::move(cache), run.cuts()};
}

std::vector<int32_t> behind_prompt(const HeadSpan& span) {
  return {std::lower_bound(span.positions, span.positions + span.n, kPrompt),
          span.positions + span.n};
}

// Standardised scores of every query head for what was generated, by the series itself.
// [layer][head][kNew]
std::vector<std::vector<std::vector<float>>> by_hand(const TinyModel& model,
                                                     const std::string& name,
                                                     const KvCache& cache) {
  const ModelConfig& c = model.config();
  scorers::TensorFile file(std::string(KVHOST_TEST_DATA) + "/golden/models/" + name +
                               "/triattention.safetensors",
                           "centres");
  const std::vector<float> frequencies = c.rope.frequencies(kPrompt);
  const auto n_pairs = static_cast<int64_t>(c.rope.rotary_dim) / 2;
  const kvh_rope rope{sizeof(kvh_rope),
                      static_cast<int32_t>(c.rope.rotary_dim),
                      frequencies.data(),
                      c.rope.attention_scaling};
  const std::vector<int64_t> shape = {c.n_layers, c.n_heads, n_pairs};
  std::vector<const float*> parts;
  for (const char* part : {"q_mean_real", "q_mean_imag", "q_abs_mean"}) {
    const kvh_tensor tensor = file.get(part, shape);
    parts.push_back(static_cast<const float*>(tensor.data));
  }
  std::vector<int64_t> offsets;
  for (int64_t o = 1; o <= 65536; o *= 2) offsets.push_back(o);
  std::vector<std::vector<std::vector<float>>> out(static_cast<size_t>(c.n_layers));
  for (int64_t l = 0; l < c.n_layers; ++l)
    for (int64_t j = 0; j < c.n_heads; ++j) {
      const int64_t at = (l * c.n_heads + j) * n_pairs;
      const scorers::QueryCentre centre = {parts[0] + at, parts[1] + at, parts[2] + at};
      const scorers::TrigonometricSeries series(
          centre, rope, kPrompt + kNew, offsets, /*largest=*/false);
      const HeadSpan span = cache.head(l, j / (c.n_heads / c.n_kv_heads));
      std::vector<float> scores;
      for (int64_t i = kPrompt; i < span.n; ++i)
        scores.push_back(series.score(static_cast<const float*>(span.keys) + i * c.head_dim));
      scorers::standardise(scores);
      out[static_cast<size_t>(l)].push_back(scores);
    }
  return out;
}

// Positions of the `n` largest, ascending.
std::vector<int32_t> best(const std::vector<float>& values, size_t n) {
  std::vector<int32_t> order;
  for (size_t i = 0; i < values.size(); ++i) order.push_back(static_cast<int32_t>(i));
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return values[static_cast<size_t>(a)] > values[static_cast<size_t>(b)];
  });
  order.resize(n);
  std::sort(order.begin(), order.end());
  for (int32_t& i : order) i += static_cast<int32_t>(kPrompt);
  return order;
}

}  // namespace

TEST_CASE("joint while generating: one ranking of all layers, the total exactly at every cut") {
  const TinyModel model("llama_gqa");
  const auto& c = model.config();
  const Generated end = generated(model, "joint:snapkv(window_size=4)", 10);
  REQUIRE(end.cuts.size() == 3);
  for (const DecodeCut& cut : end.cuts) CHECK(cut.entries == kHeld * c.n_layers * c.n_kv_heads);
  std::set<int64_t> counts;
  for (int64_t l = 0; l < c.n_layers; ++l)
    for (int64_t h = 0; h < c.n_kv_heads; ++h) counts.insert(end.cache.n_kept(l, h));
  CHECK(counts.size() > 1);  // heads differ
  const Generated even = generated(model, "snapkv(window_size=4)", 10);
  CHECK(held_positions(even.cache) != held_positions(end.cache));
}

TEST_CASE("joint while generating: what stays are the best of all layers together") {
  const TinyModel model("llama_gqa");
  const auto& c = model.config();
  const Generated full = generated(model, "", 0), cut = generated(model, "joint:knorm", kNew);
  std::vector<float> kept, dropped;
  for (int64_t l = 0; l < c.n_layers; ++l)
    for (int64_t h = 0; h < c.n_kv_heads; ++h) {
      const HeadSpan all = full.cache.head(l, h), held = cut.cache.head(l, h);
      const std::set<int32_t> stays(held.positions, held.positions + held.n);
      for (int64_t i = 0; i < all.n; ++i) {
        double square = 0;
        for (int64_t d = 0; d < c.head_dim; ++d) {
          const double x = static_cast<const float*>(all.keys)[i * c.head_dim + d];
          square += x * x;
        }
        (stays.count(all.positions[i]) ? kept : dropped)
            .push_back(static_cast<float>(-std::sqrt(square)));
      }
    }
  CHECK(std::ssize(kept) == kHeld * c.n_layers * c.n_kv_heads);
  CHECK(*std::min_element(kept.begin(), kept.end()) >=
        *std::max_element(dropped.begin(), dropped.end()) - 1e-5f);
}

TEST_CASE("kvzap while generating: a token is judged once, as a reading of everything judges it") {
  for (const std::string kind : {"mlp", "linear"}) {
    INFO(kind);
    const TinyModel model("llama_gqa");
    const std::string press =
        "dms(threshold=-0.1,sliding_window_size=0):kvzap(model_type=" + kind + ")";
    const Generated once = generated(model, press, kNew);
    REQUIRE(once.cuts.size() == 1);
    PressedCache read(model, press, model.random_tokens(kPrompt + kNew, 12), kHeld);
    int64_t n_kept = 0, n_all = 0;
    for (int64_t l = 0; l < model.config().n_layers; ++l)
      for (int64_t h = 0; h < model.config().n_kv_heads; ++h) {
        CHECK(behind_prompt(once.cache.head(l, h)) == behind_prompt(read.cache.head(l, h)));
        CHECK(once.cache.head(l, h).n >= kPrompt);  // the prompt stays
        n_kept += once.cache.head(l, h).n - kPrompt;
        n_all += kNew;
      }
    CHECK(n_kept > 0);
    CHECK(n_kept < n_all);
  }
}

TEST_CASE("kvzap while generating: what was judged stays, and hidden states that are gone are told of") {
  const TinyModel model("llama_gqa");
  const std::string press = "dms(threshold=-0.1,sliding_window_size=0):kvzap";
  const Positions early = held_positions(generated(model, press, 6, "none", kNew - 12).cache);
  const Positions late = held_positions(generated(model, press, 6).cache);
  for (size_t l = 0; l < early.size(); ++l)
    for (size_t h = 0; h < early[l].size(); ++h)
      CHECK(std::includes(
          late[l][h].begin(), late[l][h].end(), early[l][h].begin(), early[l][h].end()));
  CHECK_THROWS_WITH(
      generated(model, "dms:kvzap(window_size=4)", 6),
      Catch::Contains("6 tokens since the last cut and 4 hidden states; expected window_size of"));
}

TEST_CASE("triattention_heads: a KV head's mean over layers of its group's largest") {
  for (const std::string name : {"llama_gqa", "llama_yarn", "qwen3"}) {
    INFO(name);
    const TinyModel model(name);
    const auto& c = model.config();
    const Generated full = generated(model, "", 0), cut = generated(model, "triattention_heads", kNew);
    const auto scores = by_hand(model, name, full.cache);
    const int64_t group = c.n_heads / c.n_kv_heads;
    for (int64_t h = 0; h < c.n_kv_heads; ++h) {
      std::vector<float> mean(kNew, 0.0f);
      for (const auto& layer : scores)
        for (size_t i = 0; i < mean.size(); ++i) {
          float most = layer[static_cast<size_t>(h * group)][i];
          for (int64_t g = 1; g < group; ++g)
            most = std::max(most, layer[static_cast<size_t>(h * group + g)][i]);
          mean[i] += most / static_cast<float>(c.n_layers);
        }
      for (int64_t l = 0; l < c.n_layers; ++l) {
        CHECK(cut.cache.head(l, h).n == kHeld);
        CHECK(behind_prompt(cut.cache.head(l, h)) == best(mean, kHeld - kPrompt));
      }
    }
  }
}

TEST_CASE("triattention_heads: the union of what every query head takes, its best by the largest of all") {
  for (const std::string name : {"llama_gqa", "qwen3"}) {
    INFO(name);
    const TinyModel model(name);
    const auto& c = model.config();
    const Generated full = generated(model, "", 0),
                    cut = generated(model, "triattention_heads(mode=union)", kNew);
    const size_t room = kHeld - kPrompt;
    std::vector<float> most(kNew, -1e9f);
    std::set<int32_t> taken;
    for (const auto& layer : by_hand(model, name, full.cache))
      for (const auto& head : layer) {
        for (const int32_t position : best(head, room)) taken.insert(position);
        for (size_t i = 0; i < most.size(); ++i) most[i] = std::max(most[i], head[i]);
      }
    for (size_t i = 0; i < most.size(); ++i)
      if (!taken.count(static_cast<int32_t>(kPrompt + static_cast<int64_t>(i)))) most[i] -= 1e6f;
    for (int64_t l = 0; l < c.n_layers; ++l)
      for (int64_t h = 0; h < c.n_kv_heads; ++h)
        CHECK(behind_prompt(cut.cache.head(l, h)) == best(most, room));
  }
}

TEST_CASE("triattention_heads: cut after cut heads hold the same, also behind a prompt cut unevenly") {
  const TinyModel model("llama_gqa");
  const Generated end = generated(model, "triattention_heads(mode=union)", 7);
  CHECK(end.cuts.size() == 4);
  const auto first = behind_prompt(end.cache.head(0, 0));
  for (const auto& layer : held_positions(end.cache))
    for (const auto& head : layer)
      CHECK(std::equal(first.begin(), first.end(), head.end() - std::ssize(first)));
  for (const std::string mode : {"union", "per_head"})
    CHECK(generated(model,
                    "triattention_heads(mode=" + mode + ")",
                    7,
                    "adakv:snapkv(window_size=8)")
              .cuts.size() == 4);
}
