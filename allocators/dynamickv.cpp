// SPDX-License-Identifier: Apache-2.0
// DynamicKV: a layer gets as many entries as it has among the best of all layers. Paper:
// arXiv:2412.14838. Checked against: its rule on made-up attention.
#include <algorithm>
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class DynamicKv {
 public:
  struct Sequence {
    std::vector<std::vector<float>> votes;  // of the layers seen so far, all query heads
    int64_t n_query_heads = 0;              // of a layer
  };

  static Description describe() {
    return layer_allocator("dynamickv")
        .summary("Layers by how many of the best entries of all layers are theirs")
        .paper("arXiv:2412.14838")
        .default_inner("snapkv")
        .reference("DynamicKV's published rule")
        .notes(
            "Every layer keeps its window; the rest goes by each layer's count among the best "
            "pooled attention sums of all query heads and layers, at most max_ratio times an equal "
            "share before all layers are seen. The published code counts anew after every fourth "
            "layer and cuts what it has; here the count over all layers decides, and the total is "
            "met exactly.")
        .param(integer("window_size", 8)
                   .min(1)
                   .max(4096)
                   .unit("tokens")
                   .doc("How many of the last queries vote; their own entries always stay"))
        .param(integer("kernel_size", 7)
                   .min(1)
                   .max(4095)
                   .odd()
                   .unit("tokens")
                   .doc("Width of the pooling by maximum"))
        .param(real("max_ratio", 10).min(1).max(1000).doc(
            "What a layer may hold at most, in equal shares"))
        .decides_late()
        .uses(KVH_T_WINDOW_ATTENTION);
  }

  explicit DynamicKv(const Args& args)
      : window_size_(args.integer("window_size")),
        kernel_size_(args.integer("kernel_size")),
        max_ratio_(args.real("max_ratio")) {}

  void needs(Needs& needs) const { needs.window_attention(window_size_); }

  uint32_t when() const { return KVH_WHEN_MONOTONE; }

  void observe(Sequence& sequence, const Layer& layer) const {
    if (layer.index() == 0) sequence.votes.clear();
    std::vector<float> votes;
    sequence.n_query_heads = 0;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      const Head head = layer.head(h);
      const Cube rows = head.window_attention();  // [group_size, W, n_entries]
      sequence.n_query_heads += rows.slices();
      add_votes(rows, head.count_before(layer.n_seen() - window_size_), votes);
    }
    sequence.votes.push_back(std::move(votes));
  }

  // While layers are still to come, the most that one may end with.
  void allocate(Sequence& sequence, const LayerRequest& request, LayerAnswer& answer) const {
    const auto n_heads = static_cast<double>(request.n_kv_heads());
    const auto window = static_cast<double>(std::min(window_size_, request.kv_len()));
    const double base = std::max(request.entries_per_head() - window, 0.0);
    const double most = n_heads * (window + max_ratio_ * base);
    if (request.n_observed() < request.n_layers()) {
      std::vector<int64_t> bounds;
      for (int32_t l = 0; l < request.n_observed(); ++l)
        bounds.push_back(std::min(static_cast<int64_t>(most), request.max_entries(l)));
      return answer.entries(bounds);
    }
    const auto n_layers = static_cast<double>(sequence.votes.size());
    const auto n_best =
        static_cast<size_t>(base * static_cast<double>(sequence.n_query_heads) * n_layers);
    const std::vector<double> counts = counts_among_best(sequence.votes, n_best);
    const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
    std::vector<double> shares;
    for (const double count : counts) {
      const double part = all > 0 ? count / all : 1 / n_layers;
      shares.push_back(std::min(n_heads * (window + part * base * n_layers), most));
    }
    answer.observed("dynamickv_count", counts);
    answer.shares(shares);
  }

 private:
  // The pooled sums over the last queries, of each query head of a KV head.
  void add_votes(const Cube& rows, int64_t n, std::vector<float>& out) const {
    const auto size = static_cast<size_t>(n);
    std::vector<float> sums(size), pooled(size), scratch;
    for (int64_t g = 0; g < rows.slices(); ++g) {
      std::fill(sums.begin(), sums.end(), 0.0f);
      for (int64_t w = 0; w < rows.rows(); ++w) {
        const float* row = rows.row(g, w, scratch);
        for (size_t i = 0; i < size; ++i) sums[i] += row[i];
      }
      max_pool(sums.data(), n, kernel_size_, pooled.data());
      out.insert(out.end(), pooled.begin(), pooled.end());
    }
  }

  // How many of the best `n_best` votes are each layer's. Those that equal the last one are shared
  // out in proportion.
  static std::vector<double> counts_among_best(const std::vector<std::vector<float>>& votes,
                                               size_t n_best) {
    std::vector<float> all;
    for (const auto& layer : votes) all.insert(all.end(), layer.begin(), layer.end());
    std::vector<double> counts(votes.size(), 0);
    const size_t n = std::min(n_best, all.size());
    if (n == 0) return counts;
    const auto nth = all.begin() + static_cast<std::ptrdiff_t>(n - 1);
    std::nth_element(all.begin(), nth, all.end(), std::greater<>());
    const float last = *nth;
    std::vector<double> equal(votes.size(), 0);
    double n_above = 0, n_equal = 0;
    for (size_t l = 0; l < votes.size(); ++l) {
      for (const float vote : votes[l]) {
        counts[l] += vote > last ? 1 : 0;
        equal[l] += vote == last ? 1 : 0;
      }
      n_above += counts[l];
      n_equal += equal[l];
    }
    for (size_t l = 0; l < votes.size(); ++l)
      counts[l] += equal[l] / n_equal * (static_cast<double>(n) - n_above);
    return counts;
  }

  int64_t window_size_, kernel_size_;
  double max_ratio_;
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(DynamicKv)
