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

// Of every layer's query heads: how many queries, their sum, and their products.
class QuerySums {
 public:
  explicit QuerySums(const kvh_model& model)
      : n_heads_(model.n_heads), d_(static_cast<size_t>(model.head_dim)) {
    const auto n = static_cast<size_t>(model.n_layers) * static_cast<size_t>(model.n_heads);
    counts_.assign(n, 0);
    sums_.assign(n, std::vector<double>(d_, 0.0));
    products_.assign(n, std::vector<double>(d_ * d_, 0.0));
  }

  void add(const sdk::Layer& layer, int64_t n_sink, bool unrotated) {
    for_each_query(layer, n_sink, unrotated, [&](int64_t j, const float* query) {
      const size_t at = index(layer.index(), j);
      ++counts_[at];
      for (size_t a = 0; a < d_; ++a) {
        sums_[at][a] += query[a];
        for (size_t b = a; b < d_; ++b)
          products_[at][a * d_ + b] += static_cast<double>(query[a]) * query[b];
      }
    });
  }

  size_t index(int64_t layer, int64_t j) const { return static_cast<size_t>(layer * n_heads_ + j); }
  size_t size() const { return counts_.size(); }
  int64_t count(size_t at) const { return counts_[at]; }
  const std::vector<double>& sum(size_t at) const { return sums_[at]; }  // [d]
  double product(size_t at, size_t a, size_t b) const {
    return products_[at][std::min(a, b) * d_ + std::max(a, b)];
  }

 private:
  int64_t n_heads_;
  size_t d_;
  std::vector<int64_t> counts_;
  std::vector<std::vector<double>> sums_, products_;  // the products above the diagonal
};

}  // namespace kvhost::scorers
