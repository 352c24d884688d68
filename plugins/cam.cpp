// SPDX-License-Identifier: Apache-2.0
// CaM, cache merging while generating: before an entry goes, its value may be spread over the kept
// entries that follow it, with a probability that grows with the attention it got. Paper:
// OpenReview LCTmppB165. Checked against: kvpress 0.5.5 CAMPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class Cam {
 public:
  // By layer: attention that each entry got since generation began, per KV head.
  struct Layers {
    template <typename Fields>
    void fields(Fields& all) {
      all(sums), all(n_seen);
    }
    std::vector<std::vector<float>> sums;  // [n_kv_heads][n]
    int64_t n_seen = 0;                    // when they were last brought up to date
  };
  struct Sequence {
    static constexpr bool copies = true;
    template <typename Fields>
    void fields(Fields& all) {
      all(layers);
    }
    void truncate(int64_t) {}  // attention is summed at cuts only
    std::vector<Layers> layers;
  };

  static Description describe() {
    return press("cam")
        .summary("Spreads values of evicted entries over the kept ones behind them, at random")
        .paper("OpenReview LCTmppB165")
        .reference("kvpress 0.5.5 CAMPress")
        .notes(
            "A --decode-press. Put head_mean inside for kvpress's one ranking for all heads: "
            "cam:head_mean:knorm. Attention is summed when a cut runs, over all queries since the "
            "last one, which gives the same sums as step by step. Draws depend on the seed, "
            "layer, head and position only.")
        .param(integer("merge_budget", 32)
                   .min(1)
                   .unit("entries")
                   .doc("Kept entries that share an evicted value"))
        .param(integer("history", 512)
                   .min(1)
                   .unit("tokens")
                   .doc("Queries that are remembered; at least as many as pass between two cuts"))
        .uses(KVH_T_WINDOW_ATTENTION)
        .edits_values()
        .only_decodes();
  }

  explicit Cam(const Args& args)
      : merge_budget_(args.integer("merge_budget")), history_(args.integer("history")) {}

  void needs(Needs& needs) const { needs.window_attention(history_); }

  void edit(Sequence& sequence, const Layer& layer, Edit& edit) const {
    sequence.layers.resize(static_cast<size_t>(layer.model().n_layers));
    Layers& state = sequence.layers[static_cast<size_t>(layer.index())];
    const int64_t n_new = add_attention(state, layer);
    for_each_head(layer, [&](int32_t h) { merge_head(state, layer, edit, h, n_new); });
    state.n_seen = layer.n_seen();
  }

  void after_compact(Sequence& sequence, const kvh_moved& moved) const {
    if (static_cast<size_t>(moved.layer) >= sequence.layers.size()) return;
    auto& sums = sequence.layers[static_cast<size_t>(moved.layer)].sums;
    for (size_t h = 0; h < sums.size(); ++h) {
      for (int64_t i = 0; i < moved.n_kept[h]; ++i)
        sums[h][static_cast<size_t>(i)] = sums[h][static_cast<size_t>(moved.kept[h][i])];
      sums[h].resize(static_cast<size_t>(moved.n_kept[h]));
    }
  }

 private:
  // Adds the rows of the queries since the last cut; returns how many they are.
  int64_t add_attention(Layers& state, const Layer& layer) const {
    const int64_t rows = layer.head(0).window_attention().rows();
    const int64_t n_new = state.sums.empty() ? rows : layer.n_seen() - state.n_seen;
    if (n_new > rows)
      throw Error(KVH_E_CONFIG,
                  "/params/history",
                  "cuts are " + std::to_string(n_new) + " tokens apart, history is " +
                      std::to_string(history_) +
                      "; expected a history that reaches back to the last cut");
    state.sums.resize(static_cast<size_t>(layer.n_kv_heads()));
    for_each_head(layer, [&](int32_t h) {
      const Cube attention = layer.head(h).window_attention();  // [group_size, W, n]
      auto& sums = state.sums[static_cast<size_t>(h)];
      sums.resize(static_cast<size_t>(attention.cols()), 0.0f);
      const auto group = static_cast<float>(attention.slices());
      std::vector<float> scratch;
      for (int64_t w = rows - n_new; w < rows; ++w)
        for (int64_t g = 0; g < attention.slices(); ++g) {
          const float* row = attention.row(g, w, scratch);
          for (size_t i = 0; i < sums.size(); ++i) sums[i] += row[i] / group;
        }
    });
    return n_new;
  }

  // The n_new best of the evicted entries, ascending; ties: the later one.
  static std::vector<int32_t> candidates(const Layer& layer,
                                         const Edit& edit,
                                         int32_t h,
                                         int64_t n_new) {
    std::vector<int32_t> evicted;
    int64_t next = 0;
    for (int32_t i = 0; i < layer.head(h).n_entries(); ++i) {
      if (next < edit.n_kept(h) && edit.kept(h)[next] == i)
        ++next;
      else
        evicted.push_back(i);
    }
    const float* scores = edit.scores(h);
    std::sort(evicted.begin(), evicted.end(), [scores](int32_t a, int32_t b) {
      return scores[a] != scores[b] ? scores[a] > scores[b] : a > b;
    });
    evicted.resize(std::min(evicted.size(), static_cast<size_t>(n_new)));
    std::sort(evicted.begin(), evicted.end());
    return evicted;
  }

  void merge_head(
      const Layers& state, const Layer& layer, Edit& edit, int32_t h, int64_t n_new) const {
    const auto& sums = state.sums[static_cast<size_t>(h)];
    const Head head = layer.head(h);
    const Matrix values = head.values();
    const int64_t d = layer.head_dim();
    std::vector<float> scratch;
    for (const int32_t i : candidates(layer, edit, h, n_new)) {
      const int32_t* kept = edit.kept(h);
      const int64_t first = std::upper_bound(kept, kept + edit.n_kept(h), i) - kept;
      const int64_t last = std::min(first + merge_budget_, edit.n_kept(h));
      if (first == last) continue;
      float mean = 0;
      for (int64_t k = first; k < last; ++k) mean += sums[static_cast<size_t>(kept[k])];
      mean /= static_cast<float>(last - first);
      const float own = sums[static_cast<size_t>(i)];
      const float probability = mean > 0 ? std::min(own / mean, 1.0f) : (own > 0 ? 1.0f : 0.0f);
      const uint64_t bits = random_bits(layer.seed(),
                                        static_cast<uint64_t>(layer.index()),
                                        static_cast<uint64_t>(h),
                                        static_cast<uint64_t>(head.position(i)));
      if (uniform_float(bits) >= probability) continue;
      const float* value = values.row(i, scratch);
      const auto share = static_cast<float>(last - first);
      for (int64_t k = first; k < last; ++k)
        for (int64_t c = 0; c < d; ++c) edit.values(h)[k * d + c] += value[c] / share;
    }
  }

  int64_t merge_budget_, history_;
};

}  // namespace

KVHOST_PRESS(Cam)
