// SPDX-License-Identifier: Apache-2.0
// Methods that fit to queries from all over the prompt: no others are kept for them, and what comes out
// is what comes out where all are.
#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

#include "base/error.hpp"
#include "kvhost/spread.h"
#include "press_fixture.hpp"

// libtorch has a CHECK of its own, which ends the process.
#undef CHECK
#define CHECK(...) \
  INTERNAL_CATCH_TEST("CHECK", Catch::ResultDisposition::ContinueOnFailure, __VA_ARGS__)

using namespace kvhost;
using namespace kvhost::test;

namespace {

constexpr int64_t kTokens = 530;  // more than the decoder's chunk

KvCache pressed(const TinyModel& model, const std::string& text, bool all_queries) {
  const Press press(composed(text), model.config(), DType::Float32, context());
  KvCache cache(model.decoder->cache_layout());
  Timings timings;
  PressTrace trace;
  const auto tokens = model.random_tokens(kTokens, 9);
  const SeenPrompt prompt = byte_prompt(tokens, model.config());
  const int64_t total = 100 * model.config().n_layers * model.config().n_kv_heads;
  PrefillRun run({press, *model.decoder, cache, timings, 0, &prompt}, total, kTokens, trace);
  ForwardOptions options;
  options.capture = press.capture();
  if (all_queries) options.capture.query_window = -1;
  options.sink = [&](int64_t layer, const LayerCapture& capture) { run.on_layer(layer, capture); };
  const at::Tensor logits = model.decoder->forward(tokens, cache, options).select(0, 0);
  run.finish({}, &logits);
  return cache;
}

bool same(const KvCache& a, const KvCache& b) {
  const CacheLayout& layout = a.layout();
  for (int64_t l = 0; l < layout.n_layers; ++l)
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
      const HeadSpan x = a.head(l, h), y = b.head(l, h);
      const auto bytes = static_cast<size_t>(x.n * layout.head_dim) * sizeof(float);
      if (x.n != y.n || !std::equal(x.positions, x.positions + x.n, y.positions) ||
          std::memcmp(x.keys, y.keys, bytes) != 0 || std::memcmp(x.values, y.values, bytes) != 0 ||
          x.bias.n != y.bias.n || !std::equal(x.bias.rows, x.bias.rows + x.bias.n, y.bias.rows))
        return false;
    }
  return true;
}

}  // namespace

TEST_CASE("a method that wants so many queries of the prompt is kept so many, not all") {
  const TinyModel model("llama_gqa");
  const int64_t group = model.config().n_heads / model.config().n_kv_heads;
  const Press press(composed("attention_matching(n_queries=60):matching_keys(n_queries=30)"),
                    model.config(),
                    DType::Float32,
                    context());
  CaptureRequest request = press.capture();
  CHECK(request.query_window == 0);
  std::sort(request.query_spreads.begin(), request.query_spreads.end());
  CHECK(request.query_spreads == std::vector<int64_t>{30 / group, 60 / group});
  const Press all(
      composed("attention_matching(n_queries=0):knorm"), model.config(), DType::Float32, context());
  CHECK(all.capture().query_window == -1);
  CHECK(all.capture().query_spreads.empty());
}

TEST_CASE("queries spread over the prompt are the same where all were kept, to the bit") {
  for (const std::string name : {"llama_gqa", "qwen3"}) {
    const TinyModel model(name);
    for (const std::string text :
         {"attention_matching(n_queries=60):matching_keys(n_queries=30)",
          "grkv(n_queries=7):knorm",
          "matching_pursuit(n_queries=50)",
          "attention_matching(n_queries=40):snapkv(window_size=8)",
          "joint:matching_keys(n_queries=30)",
          "rankkv:matching_pursuit(n_queries=50)",
          "attention_matching(n_queries=60):knorm+matching_keys(n_queries=30)"}) {
      INFO(name << ", " << text);
      CHECK(same(pressed(model, text, false), pressed(model, text, true)));
    }
    CHECK_FALSE(same(pressed(model, "grkv(n_queries=7):knorm", false),
                     pressed(model, "grkv(n_queries=9):knorm", false)));
  }
}

TEST_CASE(
    "the tokens that rows are of: the middles of equal stretches, all where there are no more") {
  std::vector<int64_t> tokens;
  for (int64_t i = 0; i < kvh_spread_rows(8, 100); ++i)
    tokens.push_back(kvh_spread_token(i, 8, 100));
  CHECK(tokens == std::vector<int64_t>{5, 18, 30, 43, 55, 68, 80, 93});
  CHECK(kvh_spread_rows(8, 5) == 5);
  for (int64_t i = 0; i < 5; ++i) CHECK(kvh_spread_token(i, 8, 5) == i);
}

TEST_CASE("a part of the prompt is spread over by itself") {
  const TinyModel model("llama_gqa");
  const std::string text = "chunk(chunk_length=100):matching_keys(n_queries=30)";
  CHECK(Press(composed(text), model.config(), DType::Float32, context()).capture().query_window ==
        -1);
  const KvCache cache = pressed(model, text, false);
  CHECK(cache.n_kept(0, 0) == 100);
}
