// SPDX-License-Identifier: Apache-2.0
// CAKE: layers whose attention is spread wide and changes from query to query get more. Paper:
// arXiv:2503.12491. Checked against: values of its published code.
#include "cake_budget.hpp"
#include "support/column_spread.hpp"

namespace {

using namespace kvhost::sdk;

class Cake {
 public:
  struct Sequence {
    std::vector<double> preferences;  // of the layers seen so far
  };

  static Description describe() {
    return layer_allocator("cake")
        .summary("Layers by entropy and variance of the last queries' attention")
        .paper("arXiv:2503.12491")
        .default_inner("cake_indicator")
        .reference("CAKE's published code, on test vectors")
        .notes(
            "A layer's preference is entropy^(1/tau1) times variance^(1/tau2); the published code "
            "has exponents by model and size (Llama-3.1-8B at 1024: 1.6 and 0.4), by default 1 and "
            "1. Every layer keeps its window; the total is met exactly. Entropies and variances are "
            "float64, published in the model's dtype.")
        .param(integer("window_size", 32)
                   .min(2)
                   .max(4096)
                   .unit("tokens")
                   .doc("How many of the last queries count"))
        .param(real("tau1", 1).above(0).max(100).doc("Larger weighs entropy less"))
        .param(real("tau2", 1).above(0).max(100).doc("Larger weighs variance less"))
        .decides_late()
        .uses(KVH_T_WINDOW_ATTENTION);
  }

  explicit Cake(const Args& args)
      : window_size_(args.integer("window_size")),
        tau1_(args.real("tau1")),
        tau2_(args.real("tau2")) {}

  void needs(Needs& needs) const { needs.window_attention(window_size_); }

  uint32_t when() const { return KVH_WHEN_MONOTONE; }

  void observe(Sequence& sequence, const Layer& layer) const {
    if (layer.index() == 0) sequence.preferences.clear();
    double entropy = 0, variance = 0;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      const Head head = layer.head(h);
      add(head, head.count_before(layer.n_seen() - window_size_), entropy, variance);
    }
    sequence.preferences.push_back(std::pow(entropy, 1 / tau1_) * std::pow(variance, 1 / tau2_));
  }

  // Whole budgets per head, the window included; while layers are still to come, of the total for
  // those that were seen, which can only shrink.
  void allocate(Sequence& sequence, const LayerRequest& request, LayerAnswer& answer) const {
    const auto n_heads = int64_t{request.n_kv_heads()};
    const auto n_layers = int64_t{request.n_layers()};
    const int64_t window = std::min(window_size_, request.kv_len());
    const int64_t total = request.total_entries() / n_heads;
    const int64_t base = std::max<int64_t>(total - window * n_layers, 0);
    std::vector<int64_t> entries = kvhost::allocators::cake_budgets(
        sequence.preferences, base, request.kv_len() - window);
    const int64_t each = base > 0 ? window : total / n_layers;
    for (int64_t& b : entries) b = (b + each) * n_heads;
    answer.observed("cake_preference", sequence.preferences);
    if (request.n_observed() < request.n_layers()) {
      answer.shares({entries.begin(), entries.end()});
      return;
    }
    fill_up(request, entries);
    answer.entries(entries);
  }

 private:
  // Of one KV head's query heads over its first `n` entries.
  static void add(const Head& head, int64_t n, double& entropy, double& variance) {
    const Cube rows = head.window_attention();  // [group_size, W, n_entries]
    std::vector<float> scratch;
    for (int64_t g = 0; g < rows.slices(); ++g) {
      for (int64_t r = 0; r < rows.rows(); ++r) {
        const float* row = rows.row(g, r, scratch);
        for (int64_t i = 0; i < n; ++i)
          entropy -= row[i] * std::log(static_cast<double>(row[i]) + 1e-10);
      }
      const auto spread = kvhost::scorers::column_spread(rows, g, n);
      variance += std::accumulate(spread.variance.begin(), spread.variance.end(), 0.0);
    }
    entropy = std::max(entropy, 0.0);
  }

  // No layer more than it has; what that and rounding left of the total, from the first layer on.
  static void fill_up(const LayerRequest& request, std::vector<int64_t>& entries) {
    int64_t left = request.total_entries();
    for (size_t l = 0; l < entries.size(); ++l) {
      entries[l] = std::min(entries[l], request.max_entries(static_cast<int32_t>(l)));
      left -= entries[l];
    }
    for (size_t l = 0; l < entries.size() && left > 0; ++l) {
      const int64_t more =
          std::min(left, request.max_entries(static_cast<int32_t>(l)) - entries[l]);
      entries[l] += more;
      left -= more;
    }
  }

  int64_t window_size_;
  double tau1_, tau2_;
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(Cake)
