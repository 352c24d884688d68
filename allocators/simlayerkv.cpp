// SPDX-License-Identifier: Apache-2.0
// SimLayerKV: a layer whose last queries look only at the first and the most recent tokens is lazy,
// and keeps only those; other layers keep everything. Paper: arXiv:2410.13846. Checked against:
// kvpress 0.5.5 SimLayerKVPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class SimLayerKv {
 public:
  struct Sequence {
    std::vector<double> laziness;  // by layer
  };

  static Description describe() {
    return layer_allocator("simlayerkv")
        .summary("Lazy layers keep the first and the most recent tokens, the others everything")
        .paper("arXiv:2410.13846")
        .default_inner("streaming_llm")
        .reference("kvpress 0.5.5 SimLayerKVPress")
        .notes(
            "Put streaming_llm(n_sink=n_initial) inside: a lazy layer keeps n_initial + n_recent - "
            "n_last entries per head. Prompts of n_initial + n_recent + n_last tokens or fewer are "
            "kept whole. With n_recent = n_last kvpress repeats the whole cache; here that is "
            "refused. The default threshold of 1 marks no layer as lazy, as in kvpress.")
        .param(real("lazy_threshold", 1.0)
                   .min(0)
                   .max(1)
                   .doc("Attention on the first and recent tokens above which a layer is lazy"))
        .param(integer("n_last", 1).min(1).unit("tokens").doc("Queries that are looked at"))
        .param(integer("n_recent", 1024).min(1).unit("tokens").doc("Recent tokens of a lazy layer"))
        .param(integer("n_initial", 4).min(0).unit("tokens").doc("First tokens of a lazy layer"))
        .uses(KVH_T_WINDOW_ATTENTION)
        .own_total();
  }

  explicit SimLayerKv(const Args& args)
      : lazy_threshold_(args.real("lazy_threshold")),
        n_last_(args.integer("n_last")),
        n_recent_(args.integer("n_recent")),
        n_initial_(args.integer("n_initial")) {
    if (n_recent_ <= n_last_)
      bad_parameter("n_recent",
                    "found " + std::to_string(n_recent_) + "; expected more than n_last, " +
                        std::to_string(n_last_));
  }

  void needs(Needs& needs) const { needs.window_attention(n_last_); }
  uint32_t when() const { return KVH_WHEN_MONOTONE; }

  void observe(Sequence& sequence, const Layer& layer) const {
    sequence.laziness.push_back(attention_on_ends(layer));
  }

  void allocate(Sequence& sequence, const LayerRequest& request, LayerAnswer& answer) const {
    const bool is_short = request.kv_len() <= n_initial_ + n_recent_ + n_last_;
    std::vector<int64_t> entries;
    for (int32_t l = 0; l < request.n_observed(); ++l) {
      const bool lazy = lazy_threshold_ < 1.0 && !is_short &&
                        sequence.laziness[static_cast<size_t>(l)] > lazy_threshold_;
      const int64_t kept = (n_initial_ + n_recent_ - n_last_) * request.n_kv_heads();
      entries.push_back(lazy ? std::min(kept, request.max_entries(l)) : request.max_entries(l));
    }
    answer.entries(entries);
    answer.observed("attention_on_ends", sequence.laziness);
  }

 private:
  // Mean over heads and the last queries of the attention on the first n_initial and on the
  // n_recent entries before the last n_last.
  double attention_on_ends(const Layer& layer) const {
    double sum = 0;
    int64_t n_rows = 0;
    std::vector<float> scratch;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Cube attention = layer.head(h).window_attention();  // [group_size, W, n]
      const int64_t n = std::max<int64_t>(attention.cols() - n_last_, 0);
      const int64_t first = std::min(n_initial_, n), recent = std::max<int64_t>(n - n_recent_, 0);
      for (int64_t g = 0; g < attention.slices(); ++g)
        for (int64_t w = 0; w < attention.rows(); ++w, ++n_rows) {
          const float* row = attention.row(g, w, scratch);
          sum +=
              std::accumulate(row, row + first, 0.0) + std::accumulate(row + recent, row + n, 0.0);
        }
    }
    return sum / static_cast<double>(std::max<int64_t>(n_rows, 1));
  }

  double lazy_threshold_;
  int64_t n_last_, n_recent_, n_initial_;
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(SimLayerKv)
