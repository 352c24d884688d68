// SPDX-License-Identifier: Apache-2.0
// For what is learned from a model's queries: every query of a text, before rotation or as the
// cache's keys meet it.
#pragma once

#include <kvhost/calibrate.hpp>
#include <kvhost/rope.hpp>

namespace kvhost::scorers {

// use(j, query): every query of the layer but the first n_sink, query head j by query head; [d]
// float32, rotation undone where `unrotated`. Heads in parallel, a head's queries in order.
template <class Use>
void for_each_query(const sdk::Layer& layer, int64_t n_sink, bool unrotated, const Use& use) {
  const sdk::Cube queries(layer.get(KVH_T_QUERY_WINDOW));  // [n_heads, T, d]
  const int64_t first = layer.n_seen() - queries.rows();
  const sdk::RopeTable table(layer, first, queries.rows());
  sdk::parallel_for(layer, queries.slices(), [&](int64_t begin, int64_t end) {
    std::vector<float> scratch, query(static_cast<size_t>(queries.cols()));
    for (int64_t j = begin; j < end; ++j) {
      layer.check_cancelled();
      for (int64_t t = std::max<int64_t>(n_sink - first, 0); t < queries.rows(); ++t) {
        const float* held = queries.row(j, t, scratch);
        if (unrotated && layer.rope())
          table.unrotate(held, queries.cols(), first + t, query.data());
        else
          std::copy(held, held + queries.cols(), query.begin());
        use(j, query.data());
      }
    }
  });
}

}  // namespace kvhost::scorers
