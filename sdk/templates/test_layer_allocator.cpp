// SPDX-License-Identifier: @license@
// @name@: a share for every layer, as the rule says.
#include <kvhost/testing/check.hpp>
#include <kvhost/testing/plugin_method.hpp>

using namespace kvhost::testing;

int main() {
  const PluginMethod method(PLUGIN, {{"decay", 0.5}});
  const auto got = method.allocate(/*n_layers=*/3, /*n_kv_heads=*/2, /*kv_len=*/100, /*total=*/210);
  KVH_CHECK(!got.exact);
  KVH_CHECK_NEAR(got.shares[0], 2 * got.shares[1], 1e-12);
  KVH_CHECK_NEAR(got.shares[1], 2 * got.shares[2], 1e-12);
  return failures();
}
