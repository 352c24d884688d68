// SPDX-License-Identifier: Apache-2.0
// Presses that drop key channels: what goes, and that what follows equals whole keys with zeros.
#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

constexpr int64_t kTokens = 80, kBudget = 30, kWindow = 8;
const std::vector<std::string> kModels = {"llama_gqa", "qwen3", "neox_parallel", "mistral_window"};

std::vector<int32_t> channels_of(const HeadSpan& span) {
  std::vector<int32_t> channels(span.pruned.channels, span.pruned.channels + span.pruned.width);
  std::erase(channels, -1);
  return channels;
}

// The queries of the last tokens, as the decoder hands them out. [layer]
std::vector<at::Tensor> last_queries(const TinyModel& model, const std::vector<int32_t>& tokens) {
  std::vector<at::Tensor> queries;
  KvCache cache(model.decoder->cache_layout());
  ForwardOptions options;
  options.capture.query_window = kWindow;
  options.sink = [&](int64_t, const LayerCapture& capture) {
    queries.push_back(capture.queries->clone());
  };
  model.decoder->forward(tokens, cache, options);
  return queries;
}

at::Tensor keys_of(const KvCache& cache, int64_t layer, int64_t head) {
  const HeadSpan span = cache.head(layer, head);
  return at::from_blob(span.keys, {span.n, cache.layout().head_dim}, at::kFloat);
}

// [head_dim] by the formula, of one KV head.
at::Tensor channel_scores(const ModelConfig& config,
                          const at::Tensor& queries,
                          const at::Tensor& keys,
                          int64_t head) {
  const int64_t group = config.n_heads / config.n_kv_heads;
  const at::Tensor of_queries =
      queries.narrow(0, head * group, group).pow(2).mean(at::IntArrayRef{0, 1});
  return of_queries * keys.pow(2).mean(0);
}

// Writes zeros where `pruned` holds nothing.
void write_zeros(KvCache& cache, const KvCache& pruned) {
  for (int64_t l = 0; l < cache.layout().n_layers; ++l)
    for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) {
      at::Tensor keys = keys_of(cache, l, h);
      const auto kept = channels_of(pruned.head(l, h));
      for (int32_t c = 0; c < cache.layout().head_dim; ++c)
        if (!std::count(kept.begin(), kept.end(), c)) keys.select(1, c).zero_();
    }
}

at::Tensor decode(const TinyModel& model,
                  KvCache& cache,
                  const std::vector<int32_t>& tokens,
                  DecodeRun* run) {
  std::vector<at::Tensor> rows;
  for (const int32_t token : tokens) {
    ForwardOptions options;
    if (run) {
      run->begin_forward(1);
      options.capture = run->capture();
      options.sink = [&](int64_t layer, const LayerCapture& capture) {
        run->on_layer(layer, capture);
      };
    }
    rows.push_back(model.decoder->forward(std::span(&token, 1), cache, options).clone());
    if (run) run->end_forward();
  }
  return at::cat(rows);
}

}  // namespace

TEST_CASE("think: the channels with the smallest products of mean squares go, entries stay") {
  for (const auto& name : kModels) {
    INFO(name);
    const TinyModel model(name);
    const ModelConfig& config = model.config();
    const auto tokens = model.random_tokens(kTokens, 4);
    const auto queries = last_queries(model, tokens);
    const PressedCache plain(model, "snapkv(window_size=8)", tokens, kBudget);
    const PressedCache pruned(
        model,
        "snapkv(window_size=8)+think(window_size=8,key_channel_compression_ratio=0.4)",
        tokens,
        kBudget);
    const auto n_kept =
        config.head_dim - static_cast<int64_t>(static_cast<double>(config.head_dim) * 0.4);
    CHECK(held_positions(plain.cache) == held_positions(pruned.cache));
    for (int64_t l = 0; l < config.n_layers; ++l)
      for (int64_t h = 0; h < config.n_kv_heads; ++h) {
        const auto channels = channels_of(pruned.cache.head(l, h));
        REQUIRE(std::ssize(channels) == n_kept);
        CHECK(pruned.cache.head(l, h).pruned.n == plain.cache.n_kept(l, h));
        const at::Tensor best = std::get<1>(
            channel_scores(config, queries[static_cast<size_t>(l)], keys_of(plain.cache, l, h), h)
                .topk(n_kept));
        const at::Tensor expected = std::get<0>(best.sort()).to(at::kInt);
        CHECK(std::equal(channels.begin(), channels.end(), expected.data_ptr<int32_t>()));
      }
    CHECK(pruned.cache.bytes_kept() < plain.cache.bytes_kept());
  }
}

TEST_CASE("think: the channels that kvpress leaves") {
  const auto golden = read_json(std::filesystem::path(KVHOST_TEST_DATA) / "golden/channels.json",
                                ExitCode::CannotLoad);
  REQUIRE(golden.at("cases").size() >= 30);
  for (const auto& c : golden.at("cases")) {
    INFO(c.at("model") << " " << c.at("press"));
    const TinyModel model(c.at("model").get<std::string>());
    const auto tokens = c.at("tokens").get<std::vector<int32_t>>();
    const int64_t budget =
        c.at("budget").is_null() ? std::ssize(tokens) : c.at("budget").get<int64_t>();
    const PressedCache pressed(model, c.at("press"), tokens, budget);
    std::vector<std::vector<std::vector<int32_t>>> channels;
    for (int64_t l = 0; l < model.config().n_layers; ++l) {
      channels.emplace_back();
      for (int64_t h = 0; h < model.config().n_kv_heads; ++h)
        channels.back().push_back(channels_of(pressed.cache.head(l, h)));
    }
    CHECK(nlohmann::json(channels) == c.at("channels"));
  }
}

TEST_CASE(
    "think: generating on pruned keys equals generating on whole ones with zeros, evictions "
    "included") {
  for (const auto& name : kModels) {
    const TinyModel model(name);
    const auto tokens = model.random_tokens(kTokens, 7), follow = model.random_tokens(20, 8);
    for (const std::string decode_press : {"", "knorm", "adakv:snapkv(window_size=4)"}) {
      INFO(name << ", decode press " << decode_press);
      PressedCache pruned(model, "snapkv(window_size=8)+think(window_size=8)", tokens, kBudget);
      PressedCache zeros(model, "snapkv(window_size=8)", tokens, kBudget);
      write_zeros(zeros.cache, pruned.cache);
      std::unique_ptr<Press> press;
      std::unique_ptr<DecodeRun> runs[2];
      if (!decode_press.empty()) {
        press = std::make_unique<Press>(
            composed(decode_press, KVH_METHOD_DECODE), model.config(), DType::Float32, context());
        for (size_t i = 0; i < 2; ++i) {
          PressedCache& pressed = i == 0 ? pruned : zeros;
          runs[i] = std::make_unique<DecodeRun>(
              PressedSequence{*press, *model.decoder, pressed.cache, pressed.timings},
              DecodePolicy{6, 20});
        }
      }
      const at::Tensor few = decode(model, pruned.cache, follow, runs[0].get());
      const at::Tensor whole = decode(model, zeros.cache, follow, runs[1].get());
      CHECK((few - whole).abs().max().item<double>() <= 1e-5 * whole.abs().max().item<double>());
      CHECK(held_positions(pruned.cache) == held_positions(zeros.cache));
    }
  }
}

TEST_CASE("keys are rewritten or pruned once: what comes after a press that prunes is told so") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(kTokens, 4);
  CHECK_THROWS_WITH(PressedCache(model, "think+key_rerotation:knorm", tokens, kBudget),
                    Catch::Contains("'key_rerotation' rewrites keys behind 'think'"));
  CHECK_THROWS_WITH(PressedCache(model, "think+think", tokens, kBudget),
                    Catch::Contains("expected the one that drops channels last"));
}
