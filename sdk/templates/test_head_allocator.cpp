// SPDX-License-Identifier: @license@
// @name@: the budget is met exactly, whatever it is, and goes where the rule says.
#include <kvhost/testing/check.hpp>
#include <kvhost/testing/plugin_method.hpp>
#include <numeric>

using namespace kvhost::testing;

int main() {
  FakeLayer layer({}, FakeLayer::dense(/*n_kv_heads=*/2, /*n=*/10), /*n_seen=*/10);
  ScoreTable scores(layer.raw());
  scores.scores = {{0, 9, 0, 9, 0, 9, 0, 9, 0, 9}, {4, 5, 4, 5, 4, 5, 4, 5, 4, 5}};
  const PluginMethod method(PLUGIN);
  for (int64_t budget = 0; budget <= 20; ++budget) {
    layer.raw().layer_budget = budget;
    const std::vector<int64_t> got = method.allocate(layer.raw(), scores);
    KVH_CHECK(std::accumulate(got.begin(), got.end(), int64_t{0}) == budget);
    for (const int64_t n : got) KVH_CHECK(0 <= n && n <= 10);
    if (budget >= 4 && budget <= 16) KVH_CHECK(got[0] > got[1]);
  }
  return failures();
}
