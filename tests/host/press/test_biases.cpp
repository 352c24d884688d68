// SPDX-License-Identifier: Apache-2.0
// Entries with a bias: attention over a compressed cache equals a dense run of the reference decoder
// that is masked to what was kept and has the same numbers added to its scores.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "base/error.hpp"
#include "model/reference.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

constexpr int64_t kPrompt = 90, kNew = 24, kAll = kPrompt + kNew;

float bias_of(int32_t position, int64_t head) {
  return 2 * std::sin(0.7f * static_cast<float>(position + head));
}

// What is added to the scores of every query, -inf where it sees nothing. Grows with every forward.
class Added {
 public:
  explicit Added(const ModelConfig& config) {
    for (int64_t l = 0; l < config.n_layers; ++l) {
      at::Tensor seen = at::ones({kAll, kAll}, at::kBool).tril();
      if (const int64_t window = config.window_of(l)) seen = seen.triu(1 - window);
      const at::Tensor none = at::zeros({kAll, kAll}).masked_fill(seen.logical_not(), -INFINITY);
      layers_.push_back(none.unsqueeze(0).repeat({config.n_kv_heads, 1, 1}));
    }
  }

  // Query `position` sees what the cache holds, with its biases, and itself.
  void restrict(int64_t position, const KvCache& cache) {
    for (int64_t l = 0; l < cache.layout().n_layers; ++l)
      for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) {
        at::Tensor row = at::full({kAll}, -INFINITY);
        const HeadSpan span = cache.head(l, h);
        for (int64_t i = 0; i < span.n; ++i)
          row[span.positions[i]] = i < span.bias.n ? span.bias.rows[i] : 0.0f;
        row[position] = 0;
        layers_[static_cast<size_t>(l)][h][position] += row;
      }
  }

  at::Tensor of_layer(int64_t layer) const { return layers_[static_cast<size_t>(layer)]; }

 private:
  std::vector<at::Tensor> layers_;  // [n_kv_heads, kAll, kAll] (query, key)
};

void compare(const std::string& name, const std::string& press, const std::string& decode_press) {
  INFO(name << ", press " << press << ", decode press " << decode_press);
  const TinyModel model(name);
  const auto tokens = model.random_tokens(kAll, 11);
  PressedCache pressed(
      model, press, {tokens.begin(), tokens.begin() + kPrompt}, /*entries_per_head=*/24);
  std::unique_ptr<Press> decode;
  std::unique_ptr<DecodeRun> run;
  if (!decode_press.empty()) {
    decode = std::make_unique<Press>(
        composed(decode_press, KVH_METHOD_DECODE), model.config(), DType::Float32, context());
    run = std::make_unique<DecodeRun>(
        PressedSequence{*decode, *model.decoder, pressed.cache, pressed.timings},
        DecodePolicy{6, 20});
  }
  Added added(model.config());
  std::vector<at::Tensor> rows;
  for (int64_t i = kPrompt; i < kAll; ++i) {
    added.restrict(i, pressed.cache);
    ForwardOptions options;
    if (run) {
      run->begin_forward(1);
      options.capture = run->capture();
      options.sink = [&](int64_t layer, const LayerCapture& capture) {
        run->on_layer(layer, capture);
      };
    }
    rows.push_back(
        model.decoder->forward(std::span(&tokens[i], 1), pressed.cache, options).clone());
    if (run) run->end_forward();
  }
  const at::Tensor dense = reference_logits(
      *model.weights, tokens, [&](int64_t layer) { return added.of_layer(layer); });
  const at::Tensor expected = dense.narrow(0, kPrompt, kNew).to(at::kFloat);
  const double most = expected.abs().max().item<double>();
  CHECK((at::cat(rows) - expected).abs().max().item<double>() <= 1e-4 * most);
}

}  // namespace

TEST_CASE("a decode step over entries with a bias equals a dense run with it added") {
  for (const auto& name : tiny_models()) compare(name, "zoo_bias:knorm", "");
}

TEST_CASE("evictions while generating take biases along, and a decode press gives new ones") {
  for (const std::string name : {"llama_gqa", "qwen3", "mistral_window", "neox_parallel"})
    for (const std::string decode : {"knorm",
                                     "adakv:snapkv(window_size=4)",
                                     "h2o_attention(start_size=1,recent_size=2,window_size=4)",
                                     "zoo_bias:knorm"})
      compare(name, "zoo_bias:adakv:snapkv(window_size=8)", decode);
}

TEST_CASE("later stages see attention with the biases of earlier ones, and add theirs") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(kPrompt, 3);
  const PressedCache once(model, "zoo_bias:knorm", tokens, 24);
  const PressedCache twice(model, "zoo_bias:knorm+zoo_bias:knorm", tokens, 24);
  for (int64_t l = 0; l < model.config().n_layers; ++l)
    for (int64_t h = 0; h < model.config().n_kv_heads; ++h) {
      const HeadSpan one = once.cache.head(l, h), two = twice.cache.head(l, h);
      REQUIRE(one.bias.n == one.n);
      REQUIRE(two.bias.n == two.n);
      for (int64_t i = 0; i < one.n; ++i)
        CHECK(one.bias.rows[i] == Approx(bias_of(one.positions[i], h)));
      for (int64_t i = 0; i < two.n; ++i)
        CHECK(two.bias.rows[i] == Approx(2 * bias_of(two.positions[i], h)));
    }
  CHECK(once.cache.bytes_kept() ==
        model.config().n_layers * model.config().n_kv_heads * 24 * (2 * model.config().head_dim + 1) * 4);
  // What a scorer is shown of the second cut is attention with the biases of the first.
  const PressedCache plain(model, "knorm+snapkv(window_size=8)", tokens, 24);
  const PressedCache biased(model, "zoo_bias:knorm+snapkv(window_size=8)", tokens, 24);
  CHECK(held_positions(plain.cache) != held_positions(biased.cache));
}

TEST_CASE("attention matching: entries are those of its keys, each with a bias, and none where all stay") {
  const TinyModel model("qwen3");
  const auto tokens = model.random_tokens(kPrompt, 21);
  const PressedCache keys(model, "matching_keys", tokens, 12);
  const PressedCache matched(model, "attention_matching:matching_keys", tokens, 12);
  const PressedCache whole(model, "attention_matching", tokens, kPrompt);
  CHECK(held_positions(keys.cache) == held_positions(matched.cache));
  for (int64_t l = 0; l < model.config().n_layers; ++l)
    for (int64_t h = 0; h < model.config().n_kv_heads; ++h) {
      CHECK(whole.cache.head(l, h).bias.n == 0);
      const HeadSpan span = matched.cache.head(l, h);
      REQUIRE(span.bias.n == 12);
      for (int64_t i = 0; i < span.n; ++i) CHECK(std::abs(span.bias.rows[i]) <= 3.00001f);
    }
  KvCache full(model.decoder->cache_layout());
  model.decoder->forward(tokens, full);
  CHECK(whole.cache.bytes_kept() == full.bytes_kept());
}

// Tokens that the bundled model would write, drawn with a fixed seed.
std::vector<int32_t> written(const TinyModel& model, int64_t n) {
  at::Generator draw = at::detail::createCPUGenerator(5);
  std::vector<int32_t> tokens = {0};  // begin of text
  KvCache cache(model.decoder->cache_layout());
  while (std::ssize(tokens) < n) {
    const at::Tensor row =
        model.decoder->forward(std::span(&tokens.back(), 1), cache).to(at::kFloat)[0];
    const at::Tensor drawn = row.softmax(-1).multinomial(1, /*replacement=*/false, draw);
    tokens.push_back(static_cast<int32_t>(drawn.item<int64_t>()));
  }
  return tokens;
}

TEST_CASE("attention matching: what follows a prompt is told more like over the whole cache") {
  const TinyModel model(Weights::load(
      std::filesystem::path(KVHOST_SOURCE_DIR) / "models/demo", DType::Float32));
  const std::vector<int32_t> all = written(model, 360);
  const std::vector<int32_t> prompt(all.begin(), all.end() - 40), next(all.end() - 40, all.end());
  ForwardOptions every_row;
  every_row.all_logits = true;
  KvCache whole(model.decoder->cache_layout());
  model.decoder->forward(prompt, whole);
  const at::Tensor full =
      model.decoder->forward(next, whole, every_row).to(at::kFloat).log_softmax(-1);
  const auto divergence = [&](const std::string& press) {  // mean KL from the full cache's
    PressedCache pressed(model, press, prompt, 16);
    const at::Tensor rows =
        model.decoder->forward(next, pressed.cache, every_row).to(at::kFloat).log_softmax(-1);
    return (full.exp() * (full - rows)).sum(-1).mean().item<double>();
  };
  const double evicted = divergence("matching_keys");
  CHECK(divergence("attention_matching:matching_keys") < 0.8 * evicted);
}
