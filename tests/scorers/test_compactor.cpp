// SPDX-License-Identifier: Apache-2.0
// The exact rule of non_causal and compactor against their definition; kvpress's rule is in the
// golden files.
#include <catch2/catch.hpp>
#include <cmath>

#include "plugin_method.hpp"

using namespace kvhost::testing;

namespace {

std::string library(const std::string& name) { return KVHOST_PLUGINS "/lib" + name + ".so"; }

// Attention that token t receives from query head j inside its chunk, scaled, without a mask.
double received(FakeLayer& layer, int64_t j, int64_t t, int64_t chunk) {
  const FakeShape& shape = layer.shape();
  const auto h = static_cast<size_t>(j / (shape.n_heads / shape.n_kv_heads));
  const int64_t begin = t / chunk * chunk, end = std::min(begin + chunk, layer.raw().n_seen);
  const auto logit = [&](int64_t query, int64_t key) {
    double dot = 0;
    for (int64_t c = 0; c < shape.head_dim; ++c) {
      dot += static_cast<double>(layer.extra(0).at(j, query, c)) * layer.keys(h).at(key, c);
    }
    return dot / std::sqrt(static_cast<double>(shape.head_dim));
  };
  double total = 0;
  for (int64_t query = begin; query < end; ++query) {
    double sum = 0;
    for (int64_t key = begin; key < end; ++key) sum += std::exp(logit(query, key));
    total += std::exp(logit(query, t)) / sum;
  }
  return total;
}

// [n_kv_heads][n] z-scores of pooled attention times value norm.
std::vector<std::vector<double>> reference(FakeLayer& layer, int64_t chunk) {
  const int64_t n = layer.raw().n_seen, d = layer.shape().head_dim;
  std::vector<std::vector<double>> out;
  double mean = 0, squares = 0;
  for (int64_t h = 0; h < 2; ++h) {
    std::vector<double> raw, pooled;
    for (int64_t t = 0; t < n; ++t) {
      double norm = 0;
      for (int64_t c = 0; c < d; ++c) {
        norm += std::pow(layer.values(static_cast<size_t>(h)).at(t, c), 2.0);
      }
      const double attention =
          (received(layer, 2 * h, t, chunk) + received(layer, 2 * h + 1, t, chunk)) / 2;
      raw.push_back(attention * std::sqrt(norm));
    }
    for (int64_t t = 0; t < n; ++t) {
      const double before = t > 0 ? raw[static_cast<size_t>(t - 1)] : 0;
      const double after = t + 1 < n ? raw[static_cast<size_t>(t + 1)] : 0;
      pooled.push_back((before + raw[static_cast<size_t>(t)] + after) / 3);
      mean += pooled.back() / static_cast<double>(2 * n);
    }
    out.push_back(pooled);
  }
  for (const auto& row : out)
    for (const double x : row) squares += (x - mean) * (x - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(2 * n - 1));
  for (auto& row : out)
    for (double& x : row) x = (x - mean) / deviation;
  return out;
}

}  // namespace

TEST_CASE("non_causal's exact rule scales, and its last chunk is short") {
  FakeLayer layer({}, FakeLayer::dense(2, 21), 21);
  layer.add_queries();
  const PluginMethod method(library("non_causal"), {{"chunk_size", int64_t{8}}});
  const ScoreTable got = method.score(layer.raw());
  const auto want = reference(layer, 8);
  for (size_t h = 0; h < 2; ++h) {
    for (size_t t = 0; t < 21; ++t) {
      INFO("head " << h << ", token " << t);
      CHECK(got.scores[h][t] == Approx(want[h][t]).margin(1e-4));
    }
  }
}

TEST_CASE("compactor protects both ends by pins, or as kvpress does by the largest score") {
  FakeLayer layer({}, FakeLayer::dense(2, 20), 20);
  layer.add_rope();
  layer.add_queries();
  layer.raw().layer_budget = 20;
  const auto score = [&](const char* rule) {
    const PluginMethod method(library("compactor"),
                              {{"sink_size_start", int64_t{3}},
                               {"sink_size_end", int64_t{2}},
                               {"sketch_dimension", int64_t{4}},
                               {"rule", std::string(rule)}},
                              nullptr,
                              &layer.model());
    return method.score(layer.raw());
  };
  const ScoreTable exact = score("exact"), kvpress = score("kvpress");
  std::vector<int8_t> ends(20, 0);
  for (const size_t i : {0, 1, 2, 18, 19}) ends[i] = 1;
  float highest = -1e9f;
  for (size_t h = 0; h < 2; ++h) {
    CHECK(exact.pins[h] == ends);
    CHECK(kvpress.pins[h] == std::vector<int8_t>(20, 0));
    for (size_t i = 3; i < 18; ++i) highest = std::max(highest, kvpress.scores[h][i]);
  }
  for (size_t h = 0; h < 2; ++h) {
    for (const size_t i : {0, 1, 2, 18, 19}) CHECK(kvpress.scores[h][i] == highest);
  }
}

TEST_CASE("compactor and its halves go by what an earlier cut left in each head") {
  FakeLayer layer({}, {{0, 1, 3, 5}, {2, 4}}, 6);
  layer.add_queries();
  layer.raw().layer_budget = 4;
  for (const char* name : {"leverage", "non_causal", "compactor"}) {
    INFO(name);
    const ScoreTable got =
        PluginMethod(library(name), {}, nullptr, &layer.model()).score(layer.raw());
    REQUIRE(got.scores[0].size() == 4);
    REQUIRE(got.scores[1].size() == 2);
    double sum = 0;
    for (const auto& head : got.scores)
      for (const float score : head) {
        CHECK(std::isfinite(score));
        sum += score;
      }
    // Compactor's first and last tokens are all there are of so few.
    if (std::string(name) != "compactor") CHECK(sum == Approx(0).margin(1e-4));
  }
}
