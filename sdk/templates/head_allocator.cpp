// SPDX-License-Identifier: @license@
// @name@: says in a sentence how it divides a layer's budget over its KV heads. Paper: -. Checked
// against: -.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class @Class@ {
 public:
  static Description describe() {
    return head_allocator("@name@")
        .summary("Heads by the spread of their scores")
        .default_inner("snapkv")
        .param(real("floor", 0.2).min(0).max(1).doc("Share of an equal split that every head gets"))
        .decodes();
  }

  explicit @Class@(const Args& args) : floor_(args.real("floor")) {}

  // Entries of every head, between 0 and what it has; their sum is layer.layer_budget() exactly.
  std::vector<int64_t> allocate(const Layer& layer, const ScoreView& scores) const {
    const int64_t even = layer.layer_budget() / layer.n_kv_heads();
    std::vector<double> shares;
    Bounds bounds;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const int64_t n = scores.n_entries(h);
      shares.push_back(spread(scores.row(h), n));
      bounds.min.push_back(
          std::min(n, static_cast<int64_t>(floor_ * static_cast<double>(even))));
      bounds.max.push_back(n);
    }
    return apportion(shares, layer.layer_budget(), bounds);
  }

 private:
  static double spread(const float* scores, int64_t n) {
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; ++i) mean += scores[i] / static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i) squares += (scores[i] - mean) * (scores[i] - mean);
    return n > 0 ? std::sqrt(squares / static_cast<double>(n)) : 0;
  }

  double floor_;
};

}  // namespace

KVHOST_HEAD_ALLOCATOR(@Class@)
