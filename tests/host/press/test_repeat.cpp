// SPDX-License-Identifier: Apache-2.0
// Methods that look at the model's queries while it repeats the prompt: against the pass, the scores
// and the fit made here.
#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "press/passes.hpp"
#include "press_fixture.hpp"
#include "support/matching.hpp"

// libtorch has a CHECK of its own, which ends the process.
#undef CHECK
#define CHECK(...) \
  INTERNAL_CATCH_TEST("CHECK", Catch::ResultDisposition::ContinueOnFailure, __VA_ARGS__)

using namespace kvhost;
using namespace kvhost::test;
using namespace kvhost::scorers;

namespace {

constexpr int64_t kTokens = 70, kBudget = 20;

// The prompt's cache, and per layer the queries of its tokens as they are read again behind words.
struct Repetition {
  KvCache cache;
  std::vector<at::Tensor> queries;  // [n_heads, kTokens, d]

  Repetition(const TinyModel& model, const std::vector<int32_t>& tokens)
      : cache(model.decoder->cache_layout()) {
    const SeenPrompt prompt = byte_prompt(tokens, model.config());
    std::vector<int32_t> read = prompt.tokenize("\n\nRepeat the previous context exactly.");
    read.insert(read.end(), prompt.suffix.begin(), prompt.suffix.end());
    read.insert(read.end(), tokens.begin(), tokens.end());
    model.decoder->forward(tokens, cache);
    ForwardOptions options;
    options.capture.query_window = kTokens;
    options.sink = [this](int64_t, const LayerCapture& seen) {
      queries.push_back(seen.queries->clone());
    };
    model.decoder->forward(read, cache, options);
    cache.truncate(kTokens);
  }

  Matched head(const TinyModel& model, int64_t layer, int64_t h) const {
    const ModelConfig& c = model.config();
    const int64_t group = c.n_heads / c.n_kv_heads, d = c.head_dim;
    const HeadSpan span = cache.head(layer, h);
    Matched out;
    out.queries = queries[static_cast<size_t>(layer)].narrow(0, h * group, group).reshape({-1, d});
    out.keys = at::from_blob(span.keys, {span.n, d}, at::kFloat);
    out.values = at::from_blob(span.values, {span.n, d}, at::kFloat);
    out.scale = c.score_scale();
    return out;
  }
};

}  // namespace

TEST_CASE("keys by a repetition's queries get the share of attention that it pays them") {
  for (const std::string name : {"llama_gqa", "qwen3"}) {
    INFO(name);
    const TinyModel model(name);
    const auto tokens = model.random_tokens(kTokens, 6);
    const Repetition made(model, tokens);
    const PressedCache pressed(model, "matching_keys_repeat(n_queries=0)", tokens, kBudget);
    CHECK(pressed.cache.n_seen() == kTokens);
    for (int64_t l = 0; l < model.config().n_layers; ++l)
      for (int64_t h = 0; h < model.config().n_kv_heads; ++h) {
        const at::Tensor wanted =
            attention_share(made.head(model, l, h), Share::Rms).to(at::kFloat);
        const auto& got = pressed.trace.scores[l][h];
        REQUIRE(std::ssize(got) == kTokens);
        for (int64_t i = 0; i < kTokens; ++i)
          CHECK(got[static_cast<size_t>(i)] == Approx(wanted[i].item<float>()).margin(1e-6));
      }
    const PressedCache own(model, "matching_keys(n_queries=0)", tokens, kBudget);
    CHECK(held_positions(own.cache) != held_positions(pressed.cache));
  }
}

TEST_CASE("values and biases are fitted to a repetition's queries, a share of them where asked") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(kTokens, 6);
  const Repetition made(model, tokens);
  const int64_t d = model.config().head_dim;
  for (const int64_t n_queries : {int64_t{0}, int64_t{90}}) {
    const PressedCache pressed(
        model,
        "attention_matching_repeat(n_queries=" + std::to_string(n_queries) + "):knorm",
        tokens,
        kBudget);
    for (int64_t l = 0; l < model.config().n_layers; ++l)
      for (int64_t h = 0; h < model.config().n_kv_heads; ++h) {
        Matched head = made.head(model, l, h);
        if (n_queries > 0) {  // 30 of each of the three query heads
          std::vector<int64_t> rows;
          for (int64_t g = 0; g < 3; ++g)
            for (int64_t i = 0; i < 30; ++i)
              rows.push_back(g * kTokens + kvh_spread_token(i, 30, kTokens));
          head.queries = head.queries.index_select(0, at::tensor(rows, at::kLong));
        }
        const HeadSpan span = pressed.cache.head(l, h);
        const at::Tensor kept =
            at::tensor(std::vector<int64_t>(span.positions, span.positions + span.n), at::kLong);
        const BiasRule rule;
        const Fit fit = fit_kept(head, kept, &rule, /*ridge=*/0);
        const at::Tensor values = at::from_blob(span.values, {span.n, d}, at::kFloat);
        CHECK((values - fit.values).abs().max().item<double>() <
              1e-3 * (1 + fit.values.abs().max().item<double>()));
        REQUIRE(span.bias.n == span.n);
        for (int64_t i = 0; i < span.n; ++i)
          CHECK(span.bias.rows[i] == Approx(fit.biases[i].item<float>()).margin(1e-3));
      }
  }
}

TEST_CASE("of the prompt no queries are kept for a repetition, whose cost is one pass") {
  const TinyModel model("llama_gqa");
  const Press press(composed("attention_matching_repeat:matching_keys_repeat"),
                    model.config(),
                    DType::Float32,
                    context());
  CHECK(press.capture().query_window == 0);
  CHECK(press.capture().query_spreads.empty());
  const auto tokens = model.random_tokens(kTokens, 6);
  const SeenPrompt prompt = byte_prompt(tokens, model.config());
  const auto reports = pass_reports(press, prompt);
  REQUIRE(reports.size() == 2);  // the press and its scorer
  for (const auto& report : reports) {
    CHECK(report.cost.n_passes == 1);
    CHECK(report.cost.n_tokens > kTokens);
    CHECK(report.cost.n_columns == 0);
  }
}
