// SPDX-License-Identifier: @license@
// @name@ against its formula, written again as plainly as can be.
#include <kvhost/testing/check.hpp>
#include <kvhost/testing/plugin_method.hpp>

using namespace kvhost::testing;

namespace {

double formula(FakeLayer& layer, size_t h, int64_t i) {
  double sum = 0;
  for (int64_t j = 0; j < layer.shape().head_dim; ++j)
    sum += double{layer.values(h).at(i, j)} * layer.values(h).at(i, j);
  return sum;
}

void check(FakeLayer& layer, int64_t n_recent) {
  const PluginMethod method(PLUGIN, {{"n_recent", n_recent}});
  const ScoreTable got = method.score(layer.raw());
  for (size_t h = 0; h < got.scores.size(); ++h)
    for (size_t i = 0; i < got.scores[h].size(); ++i) {
      KVH_CHECK_NEAR(got.scores[h][i], formula(layer, h, static_cast<int64_t>(i)), 1e-5);
      const bool recent = layer.positions(h)[i] >= layer.raw().n_seen - n_recent;
      KVH_CHECK(got.pins[h][i] == (recent ? 1 : 0));
    }
}

}  // namespace

int main() {
  FakeLayer prompt({}, FakeLayer::dense(/*n_kv_heads=*/2, /*n=*/20), /*n_seen=*/20);
  check(prompt, 4);
  // While generating, heads hold different tokens.
  FakeLayer ragged({}, {{0, 3, 9, 30, 38, 39}, {1, 20, 39}}, 40);
  ragged.raw().phase = KVH_PHASE_DECODE;
  check(ragged, 2);
  return failures();
}
