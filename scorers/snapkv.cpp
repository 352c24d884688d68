// SPDX-License-Identifier: Apache-2.0
// SnapKV: the last queries of the prompt vote with their attention; votes are smoothed over
// neighbours. Paper: arXiv:2404.14469. Checked against: kvpress 0.5.5 SnapKVPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class SnapKv {
 public:
  static Description describe() {
    return scorer("snapkv")
        .summary("Attention that the last window_size queries pay, pooled over neighbours")
        .paper("arXiv:2404.14469")
        .reference("kvpress 0.5.5 SnapKVPress")
        .notes(
            "window_size is 64 in kvpress, 32 in RankKV and the paper's code; default 64. The "
            "paper sums votes, kvpress averages them: the order is the same. The paper and RankKV "
            "may pool by maximum. A prompt no longer than the window is kept whole; kvpress "
            "refuses it.")
        .param(integer("window_size", 64)
                   .min(1)
                   .unit("tokens")
                   .doc("How many of the last queries vote; their own entries always stay"))
        .param(integer("kernel_size", 5)
                   .min(1)
                   .odd()
                   .unit("tokens")
                   .doc("Width of the pooling; larger keeps whole passages together"))
        .param(choice("pooling", {"avg", "max"}).doc("How votes of neighbours are combined"))
        .uses(KVH_T_WINDOW_ATTENTION)
        .decodes();
  }

  explicit SnapKv(const Args& args)
      : window_size_(args.integer("window_size")),
        kernel_size_(args.integer("kernel_size")),
        max_pooling_(args.choice("pooling") == "max") {}

  void needs(Needs& needs) const { needs.window_attention(window_size_); }

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries();
      const int64_t n_before = head.count_before(layer.n_seen() - window_size_);
      score_before_window(head, n_before, out.row(h));
      std::fill(out.row(h) + n_before, out.row(h) + n, 0.0f);
      out.pin(h, n_before, n);
    });
    out.set_pinned_to_max_plus_one();
  }

 private:
  // Mean over the group of pooled mean votes; the pooling sees zeros where the window begins, as in
  // kvpress.
  void score_before_window(const Head& head, int64_t n, float* scores) const {
    const Cube attention = head.window_attention();  // [group_size, W, n_entries]
    std::vector<float> votes(static_cast<size_t>(n)), pooled(votes), scratch;
    std::fill(scores, scores + n, 0.0f);
    for (int64_t g = 0; g < attention.slices(); ++g) {
      std::fill(votes.begin(), votes.end(), 0.0f);
      for (int64_t w = 0; w < attention.rows(); ++w) {
        const float* row = attention.row(g, w, scratch);
        for (int64_t i = 0; i < n; ++i) votes[static_cast<size_t>(i)] += row[i];
      }
      const auto rows = static_cast<float>(attention.rows());
      for (float& vote : votes) vote /= rows;
      pool(votes.data(), n, pooled.data());
      for (int64_t i = 0; i < n; ++i) scores[i] += pooled[static_cast<size_t>(i)];
    }
    const auto group_size = static_cast<float>(attention.slices());
    for (int64_t i = 0; i < n; ++i) scores[i] /= group_size;
  }

  void pool(const float* in, int64_t n, float* out) const {
    if (max_pooling_) {
      max_pool(in, n, kernel_size_, out);
    } else {
      average_pool(in, n, kernel_size_, out);
    }
  }

  int64_t window_size_;
  int64_t kernel_size_;
  bool max_pooling_;
};

}  // namespace

KVHOST_SCORER(SnapKv)
