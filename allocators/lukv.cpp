// SPDX-License-Identifier: Apache-2.0
// LU-KV: how much each head keeps is read off curves that were measured for the model, a share per
// head for every percent of compression. Paper: arXiv:2602.08585. Checked against: kvpress 0.5.5
// LUKVPress.
#include <cmath>
#include <kvhost/calibrate.hpp>

#include "npy_file.hpp"
#include "support/learned_path.hpp"
#include "support/tensor_file.hpp"

namespace {

using namespace kvhost::sdk;

constexpr int8_t kAboveScorer = 100;
constexpr int64_t kRows = 99;  // compression by 1 % to 99 %

constexpr const char* kArray = "lukv_curves.npy";
constexpr const char* kTensors = "lukv_curves.safetensors";

// For every percent of compression the share that each head drops, when of all entries of the model
// those go that received the least of their head's attention: one threshold for all, which is where
// nothing is gained by moving an entry from one head to another. Mean over texts.
class UtilityCurves {
 public:
  static Description describe() {
    return scorer("utility_curves")
        .summary("Measures what heads can do without")
        .paper("arXiv:2602.08585")
        .uses(KVH_T_ATTENTION_SUM);
  }

  explicit UtilityCurves(const Args& args)
      : n_layers_(args.model()->n_layers),
        n_kv_heads_(args.model()->n_kv_heads),
        sums_(static_cast<size_t>(kRows * n_layers_ * n_kv_heads_), 0.0) {}

  void needs(Needs& needs) const { needs.add(KVH_T_ATTENTION_SUM, /*window=*/0); }

  void observe(const Layer& layer) {
    if (layer.index() == 0) entries_.clear();
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      add_head(layer.head(h), layer.index() * n_kv_heads_ + h);
    }
    if (layer.index() + 1 == n_layers_) add_text();
  }

  void finish(Learned& out) const {
    std::vector<float> curves;
    for (const double sum : sums_)
      curves.push_back(static_cast<float>(sum / static_cast<double>(n_texts_)));
    out.tensor("curves", {kRows, n_layers_, n_kv_heads_}, curves);
  }

 private:
  struct Entry {
    float received;  // of its head's attention: all entries of a head sum to 1
    int32_t head;    // of the whole model
  };

  void add_head(const Head& head, int64_t number) {
    const Matrix received = head.attention_sum();  // [group_size, n]
    std::vector<double> sums(static_cast<size_t>(received.cols()), 0.0);
    std::vector<float> scratch;
    double all = 0;
    for (int64_t g = 0; g < received.rows(); ++g) {
      const float* row = received.row(g, scratch);
      for (size_t i = 0; i < sums.size(); ++i) all += row[i], sums[i] += row[i];
    }
    for (const double sum : sums)
      entries_.push_back({static_cast<float>(all > 0 ? sum / all : 0), static_cast<int32_t>(number)});
    n_of_head_ = static_cast<double>(sums.size());
  }

  void add_text() {
    std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.received < b.received;
    });
    const auto n_heads = static_cast<size_t>(n_layers_ * n_kv_heads_);
    std::vector<double> dropped(n_heads, 0.0);
    size_t next = 0;
    for (size_t percent = 1; percent <= kRows; ++percent) {
      for (const size_t end = entries_.size() * percent / 100; next < end; ++next)
        dropped[static_cast<size_t>(entries_[next].head)] += 1 / n_of_head_;
      for (size_t h = 0; h < n_heads; ++h) sums_[(percent - 1) * n_heads + h] += dropped[h];
    }
    ++n_texts_;
  }

  int64_t n_layers_, n_kv_heads_, n_texts_ = 0;
  double n_of_head_ = 1;         // entries of a head in this text
  std::vector<Entry> entries_;   // of this text, all layers so far
  std::vector<double> sums_;     // [kRows, n_layers, n_kv_heads]
};

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
            "with expected attention; `kvhost calibrate lukv` measures them for any model, by one "
            "threshold on received attention). Layers keep what their heads add up to; the total is near "
            "the ratio, not exactly at it. A head whose share is smaller than sink + window keeps "
            "the newest tokens first; kvpress keeps the oldest.")
        .param(file("curves").doc(
            "NumPy or safetensors file with the share that each head drops; default: "
            "lukv_curves.npy in the model's folder, or lukv_curves.safetensors there"))
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
    read_curves(*args.model(), args.file("curves"));
  }

  static const void* extension(const char* id) noexcept {
    return calibrate_extension<UtilityCurves>(id, kTensors);
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
  void read_curves(const kvh_model& model, const std::string& given) {
    const std::string path = kvhost::scorers::learned_path(model, given, kArray, kTensors);
    const std::vector<int64_t> shape = {kRows, n_layers_, n_kv_heads_};
    if (!kvhost::scorers::is_tensor_file(path)) {
      curves_ = kvhost::allocators::read_npy(path, shape, "/params/curves");
      return;
    }
    kvhost::scorers::TensorFile file(
        path, "curves [99, n_layers, n_kv_heads], as `kvhost calibrate lukv` writes them");
    const kvh_tensor stored = file.get("curves", shape);
    const Cube curves(stored);
    std::vector<float> scratch;
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t l = 0; l < n_layers_; ++l) {
        const float* row = curves.row(r, l, scratch);
        curves_.insert(curves_.end(), row, row + n_kv_heads_);
      }
  }

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
