// SPDX-License-Identifier: Apache-2.0
#include "method/finite_keys.hpp"

#include "base/error.hpp"
#include "kernels/select.hpp"

namespace kvhost {

void check_keys(const std::string& method, const KvCache& cache, int64_t layer) {
  const CacheLayout& layout = cache.layout();
  for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
    const HeadSpan span = cache.head(layer, h);
    // pruned ones were looked at when they were whole
    const int64_t n_whole = span.n - span.pruned.n;
    const int64_t bad = first_not_finite(span.keys, layout.dtype, n_whole * layout.head_dim);
    if (bad < 0) continue;
    run_failed(method + ", layer " + std::to_string(layer),
               "the key of entry " + std::to_string(span.pruned.n + bad / layout.head_dim) +
                   " in KV head " + std::to_string(h) +
                   " is not finite; expected finite keys: the model's weights or its dtype are at "
                   "fault");
  }
}

}  // namespace kvhost
