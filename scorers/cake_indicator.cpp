// SPDX-License-Identifier: Apache-2.0
// CAKE's scores: attention of the last queries and how much it changes among them. Paper:
// arXiv:2503.12491. Checked against: values of its published code.
#include "support/column_spread.hpp"

namespace {

using namespace kvhost::sdk;

class CakeIndicator {
 public:
  static Description describe() {
    return scorer("cake_indicator")
        .summary("Mean of the last queries' attention and gamma times its variance, pooled")
        .paper("arXiv:2503.12491")
        .reference("CAKE's published code, on test vectors")
        .notes("The published method divides the budget over layers too: cake:cake_indicator.")
        .param(integer("window_size", 32)
                   .min(2)
                   .max(4096)
                   .unit("tokens")
                   .doc("How many of the last queries count; their own entries always stay"))
        .param(integer("kernel_size", 5).min(1).max(4095).odd().unit("tokens").doc(
            "Width of the pooling"))
        .param(real("gamma", 200).min(0).max(1e6).doc("Weight of the variance beside the mean"))
        .uses(KVH_T_WINDOW_ATTENTION)
        .decodes();
  }

  explicit CakeIndicator(const Args& args)
      : window_size_(args.integer("window_size")),
        kernel_size_(args.integer("kernel_size")),
        gamma_(args.real("gamma")) {}

  void needs(Needs& needs) const { needs.window_attention(window_size_); }

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries(), n_before = head.count_before(layer.n_seen() - window_size_);
      score_before_window(head, n_before, out.row(h));
      std::fill(out.row(h) + n_before, out.row(h) + n, 0.0f);
      out.pin(h, n_before, n);
    });
    out.set_pinned_to_max_plus_one();
  }

 private:
  void score_before_window(const Head& head, int64_t n, float* scores) const {
    const Cube rows = head.window_attention();  // [group_size, W, n_entries]
    std::vector<float> indicator(static_cast<size_t>(n)), pooled(indicator);
    std::fill(scores, scores + n, 0.0f);
    for (int64_t g = 0; g < rows.slices(); ++g) {
      const auto spread = kvhost::scorers::column_spread(rows, g, n);
      for (size_t i = 0; i < indicator.size(); ++i)
        indicator[i] = static_cast<float>(spread.mean[i] + gamma_ * spread.variance[i]);
      average_pool(indicator.data(), n, kernel_size_, pooled.data());
      for (int64_t i = 0; i < n; ++i)
        scores[i] += pooled[static_cast<size_t>(i)] / static_cast<float>(rows.slices());
    }
  }

  int64_t window_size_, kernel_size_;
  double gamma_;
};

}  // namespace

KVHOST_SCORER(CakeIndicator)
