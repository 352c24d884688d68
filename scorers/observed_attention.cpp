// SPDX-License-Identifier: Apache-2.0
// Observed attention: what an entry got from all queries of the prompt, per query that could see
// it. After H2O. Paper: arXiv:2306.14048. Checked against: kvpress 0.5.5 ObservedAttentionPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class ObservedAttention {
 public:
  static Description describe() {
    return scorer("observed_attention")
        .summary("Mean attention that an entry got from the queries that could see it")
        .paper("arXiv:2306.14048")
        .reference("kvpress 0.5.5 ObservedAttentionPress")
        .notes(
            "kvpress runs the whole model in eager attention and keeps all T x T weights; here "
            "column sums are taken block by block, the model runs as ever, and only time is "
            "quadratic. In sliding-window layers an entry counts the queries whose window held it.")
        .uses(KVH_T_ATTENTION_SUM);
  }

  explicit ObservedAttention(const Args&) {}

  void needs(Needs& needs) const { needs.add(KVH_T_ATTENTION_SUM, /*window=*/0); }

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const Matrix sums = head.attention_sum();  // [group_size, n]
      const int64_t n = head.n_entries();
      float* scores = out.row(h);
      std::fill_n(scores, n, 0.0f);
      std::vector<float> scratch;
      for (int64_t g = 0; g < sums.rows(); ++g) {
        const float* row = sums.row(g, scratch);
        for (int64_t i = 0; i < n; ++i) scores[i] += row[i];
      }
      for (int64_t i = 0; i < n; ++i)
        scores[i] /= static_cast<float>(n_queries(layer, head.position(i)) * sums.rows());
    });
  }

 private:
  // That can see an entry at `position`.
  static int64_t n_queries(const Layer& layer, int64_t position) {
    const int64_t later = layer.n_seen() - position, window = layer.sliding_window();
    return window > 0 ? std::min(later, window) : later;
  }
};

}  // namespace

KVHOST_SCORER(ObservedAttention)
