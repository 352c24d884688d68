// SPDX-License-Identifier: Apache-2.0
// Methods that draft an answer on a copy of the cache: what they keep against the rule written out
// here, and what a draft must leave alone.
#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "base/error.hpp"
#include "press/passes.hpp"
#include "press_fixture.hpp"

// libtorch has a CHECK of its own, which ends the process.
#undef CHECK
#define CHECK(...) \
  INTERNAL_CATCH_TEST("CHECK", Catch::ResultDisposition::ContinueOnFailure, __VA_ARGS__)

using namespace kvhost;
using namespace kvhost::test;

namespace {

constexpr int64_t kTokens = 90, kBudget = 30, kWindow = 8, kDraft = 5;
constexpr const char* kInner = "snapkv(window_size=12,kernel_size=3,pooling=max)";

std::string press_text(const std::string& more = "") {
  return "lookahead_q(n_draft=5,window_size=8,kernel_size=7" + more + "):" + kInner;
}

// [n_layers] queries [n_heads, rows, d]: the prompt's last ones, then those of a draft on what
// `kInner` keeps.
std::vector<at::Tensor> queries_of(const TinyModel& model, const std::vector<int32_t>& tokens) {
  std::vector<at::Tensor> all;
  KvCache full(model.decoder->cache_layout());
  ForwardOptions options;
  options.capture.query_window = kWindow;
  options.sink = [&](int64_t, const LayerCapture& seen) { all.push_back(seen.queries->clone()); };
  at::Tensor logits = model.decoder->forward(tokens, full, options);
  PressedCache cut(model, kInner, tokens, kBudget);
  for (int64_t i = 0; i < kDraft; ++i) {
    const auto token = static_cast<int32_t>(logits.argmax().item<int64_t>());
    options.capture.query_window = 1;
    options.sink = [&](int64_t layer, const LayerCapture& seen) {
      all[layer] = at::cat({all[layer], *seen.queries}, 1);
    };
    logits = model.decoder->forward({&token, 1}, cut.cache, options);
  }
  return all;
}

// One head's votes by loops: row r of the queries sees the prompt up to `last(r)`.
template <class Last>
std::vector<double> votes(
    const at::Tensor& queries, const HeadSpan& head, int64_t d, double scale, const Last& last) {
  const auto* keys = static_cast<const float*>(head.keys);
  std::vector<double> sums(static_cast<size_t>(head.n), 0);
  for (int64_t r = 0; r < queries.size(0); ++r) {
    std::vector<double> row(static_cast<size_t>(head.n), 0);
    const at::Tensor query = queries[r].contiguous();
    double sum = 0;
    for (int64_t t = 0; t <= last(r); ++t) {
      double dot = 0;
      for (int64_t c = 0; c < d; ++c)
        dot += static_cast<double>(query.data_ptr<float>()[c]) * keys[t * d + c];
      sum += row[t] = std::exp(dot * scale);
    }
    for (size_t t = 0; t < row.size(); ++t) sums[t] += row[t] / sum;
  }
  return sums;
}

std::vector<int32_t> best(const std::vector<double>& score, int64_t n_before) {
  std::vector<int32_t> order(static_cast<size_t>(n_before));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return score[a] > score[b]; });
  order.resize(static_cast<size_t>(kBudget - kWindow));
  for (int64_t t = n_before; t < kTokens; ++t) order.push_back(static_cast<int32_t>(t));
  std::sort(order.begin(), order.end());
  return order;
}

Positions kept_by_hand(const TinyModel& model, const std::vector<int32_t>& tokens, bool causal) {
  const ModelConfig& c = model.config();
  const int64_t group = c.n_heads / c.n_kv_heads, n_before = kTokens - kWindow;
  const auto queries = queries_of(model, tokens);
  KvCache full(model.decoder->cache_layout());
  model.decoder->forward(tokens, full);
  const int64_t n_rows = kWindow + kDraft;
  const auto last = [&](int64_t r) {
    if (!causal) return kTokens - n_rows + r;
    return std::min(kTokens - kWindow + r, kTokens - 1);
  };
  Positions kept(static_cast<size_t>(c.n_layers));
  for (int64_t l = 0; l < c.n_layers; ++l)
    for (int64_t h = 0; h < c.n_kv_heads; ++h) {
      std::vector<double> score(static_cast<size_t>(n_before), 0);
      for (int64_t g = 0; g < group; ++g) {
        const auto sums =
            votes(queries[l][h * group + g], full.head(l, h), c.head_dim, c.score_scale(), last);
        for (int64_t t = 0; t < n_before; ++t) {
          double largest = 0;
          for (int64_t o = std::max<int64_t>(t - 3, 0); o <= std::min(t + 3, n_before - 1); ++o)
            largest = std::max(largest, sums[o]);
          score[t] += largest / static_cast<double>(group);
        }
      }
      kept[l].push_back(best(score, n_before));
    }
  return kept;
}

// How many entries of two selections differ; ties at the cut may.
int64_t differing(const Positions& a, const Positions& b) {
  int64_t n = 0;
  for (size_t l = 0; l < a.size(); ++l)
    for (size_t h = 0; h < a[l].size(); ++h) {
      std::vector<int32_t> other;
      std::set_difference(a[l][h].begin(),
                          a[l][h].end(),
                          b[l][h].begin(),
                          b[l][h].end(),
                          std::back_inserter(other));
      n += std::ssize(other);
    }
  return n;
}

}  // namespace

TEST_CASE("a draft's queries and the prompt's last ones keep what the rule written out keeps") {
  for (const std::string name : {"llama_gqa", "qwen2", "qwen3"}) {
    const TinyModel model(name);
    const auto tokens = model.random_tokens(kTokens, 3);
    INFO(name);
    for (const bool causal : {false, true}) {
      const PressedCache pressed(model, press_text(causal ? ",mask=causal" : ""), tokens, kBudget);
      CHECK(differing(held_positions(pressed.cache), kept_by_hand(model, tokens, causal)) == 0);
    }
    const PressedCache other(model, press_text(",draft_size=3"), tokens, kBudget);
    CHECK(other.cache.n_kept(0, 0) == kBudget);
  }
}

TEST_CASE("a draft leaves nothing behind: a budget of everything is the full cache, to the bit") {
  for (const std::string name : {"llama_gqa", "gemma3"}) {
    const TinyModel model(name);
    const auto tokens = model.random_tokens(70, 8);
    const PressedCache full(model, "none", tokens, 70);
    const PressedCache pressed(model, press_text(), tokens, 70);
    INFO(name);
    CHECK(pressed.cache.n_seen() == 70);
    CHECK(pressed.timings.passes_ms > 0);
    CHECK(pressed.peak_extra_bytes > 0);
    for (int64_t l = 0; l < model.config().n_layers; ++l)
      for (int64_t h = 0; h < model.config().n_kv_heads; ++h) {
        const HeadSpan ours = pressed.cache.head(l, h), theirs = full.cache.head(l, h);
        const int64_t d = model.config().head_dim, skipped = theirs.n - ours.n;
        CHECK(std::equal(ours.positions, ours.positions + ours.n, theirs.positions + skipped));
        const auto* keys = static_cast<const float*>(ours.keys);
        CHECK(std::equal(
            keys, keys + ours.n * d, static_cast<const float*>(theirs.keys) + skipped * d));
      }
  }
}

TEST_CASE("a draft ends before the token that ends the text") {
  TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(kTokens, 3);
  KvCache cache(model.decoder->cache_layout());
  const auto first = model.decoder->forward(tokens, cache).argmax().item<int64_t>();
  const_cast<ModelConfig&>(model.config()).eos_token_ids = {first};
  // Nothing is drafted: the prompt's queries vote alone, whatever the copy would have kept.
  const auto small = held_positions(PressedCache(model, press_text(), tokens, kBudget).cache);
  CHECK(small ==
        held_positions(PressedCache(model, press_text(",draft_size=2"), tokens, kBudget).cache));
  const_cast<ModelConfig&>(model.config()).eos_token_ids = {};
  CHECK(small != held_positions(PressedCache(model, press_text(), tokens, kBudget).cache));
}

TEST_CASE("the cost of a draft is its tokens, and it stands in the first part of a composition") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(kTokens, 3);
  const SeenPrompt prompt = byte_prompt(tokens, model.config());
  const Press press(composed(press_text()), model.config(), DType::Float32, context());
  CHECK(press.cut_time() == CutTime::AfterPasses);
  const auto reports = pass_reports(press, prompt);
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].cost.n_passes == kDraft);
  CHECK(reports[0].cost.n_tokens == kDraft);
  CHECK(reports[0].cost.longest == 1);
  CHECK_THROWS_AS(
      Press(composed("knorm+" + press_text()), model.config(), DType::Float32, context()), Error);
}
