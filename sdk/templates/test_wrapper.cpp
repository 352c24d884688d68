// SPDX-License-Identifier: @license@
// @name@ around scores that the test makes up.
#include <kvhost/testing/check.hpp>
#include <kvhost/testing/plugin_method.hpp>

using namespace kvhost::testing;

int main() {
  FakeLayer layer({}, FakeLayer::dense(/*n_kv_heads=*/2, /*n=*/6), /*n_seen=*/6);
  ScoreTable inside(layer.raw());
  inside.scores = {{3, 0, 0, 6, 0, 0}, {1, 1, 1, 1, 1, 1}};
  inside.pins[0][5] = 1;
  const GivenScores given(inside);
  const PluginMethod method(PLUGIN, {{"kernel_size", int64_t{3}}}, given.child());
  const ScoreTable got = method.score(layer.raw());
  const std::vector<double> want = {1, 1, 2, 2, 2, 0};
  for (size_t i = 0; i < want.size(); ++i) KVH_CHECK_NEAR(got.scores[0][i], want[i], 1e-6);
  KVH_CHECK_NEAR(got.scores[1][2], 1, 1e-6);
  KVH_CHECK(got.pins[0][5] == 1);
  return failures();
}
