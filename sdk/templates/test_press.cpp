// SPDX-License-Identifier: @license@
// @name@ on the values of a few entries that stay.
#include <kvhost/testing/check.hpp>
#include <kvhost/testing/plugin_method.hpp>

using namespace kvhost::testing;

int main() {
  FakeLayer layer({}, FakeLayer::dense(/*n_kv_heads=*/2, /*n=*/6), /*n_seen=*/6);
  const size_t d = static_cast<size_t>(layer.shape().head_dim);
  const std::vector<std::vector<int32_t>> kept = {{0, 2, 5}, {1}};
  std::vector<std::vector<float>> values = {std::vector<float>(3 * d, 2.0f),
                                            std::vector<float>(d, -1.0f)};
  const std::vector<int64_t> n_kept = {3, 1};
  const int32_t* kept_rows[] = {kept[0].data(), kept[1].data()};
  float* value_rows[] = {values[0].data(), values[1].data()};
  kvh_edit edit{};
  edit.struct_size = sizeof edit;
  edit.n_kv_heads = 2;
  edit.n_kept = n_kept.data();
  edit.kept = kept_rows;
  edit.values = value_rows;
  PluginMethod(PLUGIN, {{"factor", 1.5}}).edit(layer.raw(), edit);
  for (const float x : values[0]) KVH_CHECK_NEAR(x, 3, 1e-6);
  for (const float x : values[1]) KVH_CHECK_NEAR(x, -1.5, 1e-6);
  return failures();
}
