// SPDX-License-Identifier: Apache-2.0
// LU-KV: how much each head keeps is read off curves that were measured for the model, a share per
// head for every percent of compression. Paper: arXiv:2602.08585. Checked against: kvpress 0.5.5
// LUKVPress.
#include <cmath>
#include <kvhost/resources.hpp>
#include <kvhost/sdk.hpp>

#include "npy_file.hpp"

namespace {

using namespace kvhost::sdk;

constexpr int8_t kAboveScorer = 100;
constexpr int64_t kRows = 99;  // compression by 1 % to 99 %

class LuKv {
 public:
  static Description describe() {
    return head_allocator("lukv")
        .summary("Gives every head the share that curves measured for the model say")
        .paper("arXiv:2602.08585")
        .reference("kvpress 0.5.5 LUKVPress")
        .notes(
            "kvpress's lukv is lukv:expected_attention(epsilon=0.02). The curves are a NumPy file, "
            "[99, n_layers, n_kv_heads]: row r holds the share each head drops at a compression "
            "of r + 1 percent (github.com/baidu-baige/LU-KV has one for Llama-3.1-8B-Instruct "
            "with expected attention). Layers keep what their heads add up to; the total is near "
            "the ratio, not exactly at it. A head whose share is smaller than sink + window keeps "
            "the newest tokens first; kvpress keeps the oldest.")
        .param(file("curves").doc(
            "NumPy file with the share that each head drops; default: lukv_curves.npy in the "
            "model's folder"))
        .param(real("compression_ratio", 0.5)
                   .min(0)
                   .below(1)
                   .doc("Share of all entries to remove; rounded to a whole percent"))
        .param(integer("sink", 4).min(0).unit("tokens").doc("First tokens that stay"))
        .param(integer("window", 1).min(0).unit("tokens").doc("Last tokens that stay"))
        .own_total()
        .edits_scores();
  }

  explicit LuKv(const Args& args)
      : compression_ratio_(args.real("compression_ratio")),
        sink_(args.integer("sink")),
        window_(args.integer("window")) {
    if (!args.model()) return;
    n_layers_ = args.model()->n_layers;
    n_kv_heads_ = args.model()->n_kv_heads;
    const auto path = resource_path(*args.model(), args.file("curves"), "lukv_curves.npy");
    curves_ = kvhost::allocators::read_npy(path, {kRows, n_layers_, n_kv_heads_}, "/params/curves");
  }

  std::vector<int64_t> allocate(const Layer& layer, const Scores& scores) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      // Above whatever the scorer itself pins, its window for one.
      scores.pin(h, 0, head.count_before(sink_), kAboveScorer);
      scores.pin(h, head.count_before(layer.n_seen() - window_), head.n_entries(), kAboveScorer);
    }
    return compression_ratio_ > 0 ? counts(layer) : everything(layer);
  }

 private:
  static std::vector<int64_t> everything(const Layer& layer) {
    std::vector<int64_t> counts;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) counts.push_back(layer.head(h).n_entries());
    return counts;
  }

  // The shares of this layer's heads in whole entries: their rounded sum by largest remainder, at
  // least one each.
  std::vector<int64_t> counts(const Layer& layer) const {
    const int64_t n_heads = layer.n_kv_heads(), n = layer.kv_len();
    const auto row = std::clamp<int64_t>(
        static_cast<int64_t>(std::nearbyint(100 * compression_ratio_)) - 1, 0, kRows - 1);
    const float* dropped = curves_.data() + (row * n_layers_ + layer.index()) * n_kv_heads_;
    std::vector<float> exact;
    float sum = 0;
    for (int64_t h = 0; h < n_heads; ++h) {
      exact.push_back(std::clamp(1.0f - dropped[h], 0.0f, 1.0f) * static_cast<float>(n));
      sum += exact.back();
    }
    const auto total =
        std::clamp<int64_t>(static_cast<int64_t>(std::nearbyint(sum)), n_heads, n_heads * n);
    std::vector<int64_t> out;
    std::vector<size_t> order(static_cast<size_t>(n_heads));
    std::iota(order.begin(), order.end(), size_t{0});
    int64_t left = total;
    for (const float share : exact) {
      out.push_back(static_cast<int64_t>(std::floor(share)));
      left -= out.back();
    }
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return exact[a] - std::floor(exact[a]) > exact[b] - std::floor(exact[b]);
    });
    for (const size_t h : order)
      if (left-- > 0) ++out[h];
    for (auto& count : out) count = std::clamp<int64_t>(count, 1, n);
    return out;
  }

  double compression_ratio_;
  int64_t sink_, window_, n_layers_ = 0, n_kv_heads_ = 0;
  std::vector<float> curves_;  // [99, n_layers, n_kv_heads]
};

}  // namespace

KVHOST_HEAD_ALLOCATOR(LuKv)
