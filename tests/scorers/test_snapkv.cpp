// SPDX-License-Identifier: Apache-2.0
// SnapKV against a plain transcription of its definition.
#include <algorithm>
#include <catch2/catch.hpp>

#include "plugin_method.hpp"

using namespace kvhost::testing;

namespace {

const std::string kLibrary = KVHOST_PLUGINS "/libsnapkv.so";

// Mean over window rows, pooled, mean over the group; entries of the window hold 0.
std::vector<std::vector<double>> reference(FakeLayer& layer,
                                           int64_t window,
                                           int64_t kernel,
                                           bool max) {
  std::vector<std::vector<double>> out;
  for (size_t h = 0; h < static_cast<size_t>(layer.shape().n_kv_heads); ++h) {
    FakeTensor& a = layer.attention(h);  // [group_size, W, n]
    const int64_t n = a.size(2);
    int64_t before = 0;
    for (const int32_t p : layer.positions(h)) before += p < layer.raw().n_seen - window ? 1 : 0;
    std::vector<double> scores(static_cast<size_t>(n), 0.0);
    for (int64_t g = 0; g < a.size(0); ++g) {
      for (int64_t i = 0; i < before; ++i) {
        double pooled = 0;
        for (int64_t j = i - kernel / 2; j <= i + kernel / 2; ++j) {
          double vote = 0;
          if (j < 0 || j >= before) continue;
          for (int64_t w = 0; w < a.size(1); ++w) vote += a.at(g, w, j);
          vote /= static_cast<double>(a.size(1));
          pooled = max ? std::max(pooled, vote) : pooled + vote / static_cast<double>(kernel);
        }
        scores[static_cast<size_t>(i)] += pooled / static_cast<double>(a.size(0));
      }
    }
    out.push_back(scores);
  }
  return out;
}

void check_against_reference(FakeLayer& layer, int64_t window, int64_t kernel, bool max) {
  layer.add_window_attention(window);
  const PluginMethod snapkv(kLibrary,
                            {{"window_size", window},
                             {"kernel_size", kernel},
                             {"pooling", std::string(max ? "max" : "avg")}});
  const ScoreTable got = snapkv.score(layer.raw());
  const auto want = reference(layer, window, kernel, max);
  double highest = 0;
  for (const auto& row : want)
    highest = std::max(highest, *std::max_element(row.begin(), row.end()));
  for (size_t h = 0; h < want.size(); ++h) {
    for (size_t i = 0; i < want[h].size(); ++i) {
      const bool in_window = layer.positions(h)[i] >= layer.raw().n_seen - window;
      INFO("head " << h << ", entry " << i);
      CHECK(got.pins[h][i] == (in_window ? 1 : 0));
      CHECK(got.scores[h][i] == Approx(in_window ? highest + 1 : want[h][i]).epsilon(1e-5));
    }
  }
}

}  // namespace

TEST_CASE("snapkv follows its definition in prefill") {
  FakeLayer layer({}, FakeLayer::dense(2, 40), 40);
  SECTION("average pooling") { check_against_reference(layer, 8, 5, false); }
  SECTION("maximum pooling") { check_against_reference(layer, 8, 3, true); }
  SECTION("no pooling") { check_against_reference(layer, 1, 1, false); }
}

TEST_CASE("snapkv goes by positions on a ragged cache while generating") {
  FakeLayer layer({}, {{0, 3, 9, 10, 30, 31, 38, 39}, {1, 2, 5, 20, 39}}, 40);
  layer.raw().phase = KVH_PHASE_DECODE;
  check_against_reference(layer, 4, 3, false);
}

TEST_CASE("snapkv keeps a prompt that is no longer than its window whole") {
  FakeLayer layer({}, FakeLayer::dense(2, 6), 6);
  layer.add_window_attention(64);
  const ScoreTable got = PluginMethod(kLibrary).score(layer.raw());
  for (const auto& pins : got.pins) CHECK(pins == std::vector<int8_t>(6, 1));
  for (const auto& row : got.scores) CHECK(row == std::vector<float>(6, 1.0f));
}

TEST_CASE("snapkv asks for its window and says when it was not delivered") {
  const PluginMethod snapkv(kLibrary, {{"window_size", int64_t{17}}});
  REQUIRE(snapkv.needs().size() == 1);
  CHECK(snapkv.needs()[0].tensor == KVH_T_WINDOW_ATTENTION);
  CHECK(snapkv.needs()[0].window == 17);
  FakeLayer layer({}, FakeLayer::dense(2, 6), 6);
  try {
    snapkv.score(layer.raw());
    FAIL("a missing tensor must be an error");
  } catch (const CallFailed& e) {
    CHECK(e.code == KVH_E_NEED_MISSING);
  }
}
