// SPDX-License-Identifier: Apache-2.0
// ThinK: channels of the keys that the last queries hardly look at are dropped, head by head.
// Paper: arXiv:2407.21018. Checked against: kvpress 0.5.5 ThinKPress, which writes zeros and frees
// nothing.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class Think {
 public:
  static Description describe() {
    return press("think")
        .summary("Drops the key channels that matter least to the last queries, for every head")
        .paper("arXiv:2407.21018")
        .reference("kvpress 0.5.5 ThinKPress")
        .notes(
            "A channel's score is the mean square of the last window_size queries times the mean "
            "square of the kept keys; int(head_dim * key_channel_compression_ratio) channels go. "
            "kvpress's default ratio is 0, which does nothing; here it is 0.5, as in the paper's "
            "main results (0.4 to 0.5). kvpress writes zeros and frees nothing; here rows of the "
            "remaining channels are stored. It keeps all entries: after a method that drops some, "
            "write snapkv+think. Keys of tokens to come are whole, as there.")
        .param(real("key_channel_compression_ratio", 0.5)
                   .min(0)
                   .below(1)
                   .doc("Share of the key channels that go"))
        .param(integer("window_size", 32)
                   .min(1)
                   .unit("tokens")
                   .doc("Last queries that judge the channels"))
        .prunes_channels()
        .needs_no_scorer()
        .uses(KVH_T_QUERY_WINDOW);
  }

  explicit Think(const Args& args)
      : ratio_(args.real("key_channel_compression_ratio")),
        window_size_(args.integer("window_size")) {}

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, window_size_); }

  void edit(const Layer& layer, Edit& edit) const {
    const int64_t d = layer.head_dim();
    const auto n_pruned = static_cast<int64_t>(static_cast<double>(d) * ratio_);
    const Cube queries(layer.get(KVH_T_QUERY_WINDOW));
    for_each_head(layer, [&](int32_t h) {
      const auto of_queries = mean_squares_of_group(layer, queries, h);
      const auto of_keys = mean_squares_of_kept(layer, edit, h);
      std::vector<double> score(of_queries);
      for (size_t c = 0; c < score.size(); ++c) score[c] *= of_keys[c];
      std::vector<int64_t> order(static_cast<size_t>(d));
      std::iota(order.begin(), order.end(), int64_t{0});
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return score[static_cast<size_t>(a)] < score[static_cast<size_t>(b)];
      });
      for (int64_t i = 0; i < n_pruned; ++i) edit.channels(h)[order[static_cast<size_t>(i)]] = 0;
    });
  }

 private:
  static void add_squares(const float* row, std::vector<double>& sums) {
    for (size_t c = 0; c < sums.size(); ++c) sums[c] += static_cast<double>(row[c]) * row[c];
  }

  // Over the window and the query heads that read KV head h, [d].
  static std::vector<double> mean_squares_of_group(const Layer& layer,
                                                   const Cube& queries,
                                                   int32_t h) {
    std::vector<double> sums(static_cast<size_t>(layer.head_dim()), 0.0);
    std::vector<float> scratch;
    const int64_t group = layer.group_size();
    for (int64_t g = 0; g < group; ++g)
      for (int64_t i = 0; i < queries.rows(); ++i)
        add_squares(queries.row(h * group + g, i, scratch), sums);
    for (double& sum : sums) sum /= static_cast<double>(group * queries.rows());
    return sums;
  }

  // Over the kept entries, [d].
  static std::vector<double> mean_squares_of_kept(const Layer& layer, const Edit& edit, int32_t h) {
    std::vector<double> sums(static_cast<size_t>(layer.head_dim()), 0.0);
    std::vector<float> scratch;
    const Matrix keys = layer.head(h).keys();
    for (int64_t i = 0; i < edit.n_kept(h); ++i)
      add_squares(keys.row(edit.kept(h)[i], scratch), sums);
    for (double& sum : sums) sum /= static_cast<double>(std::max<int64_t>(edit.n_kept(h), 1));
    return sums;
  }

  double ratio_;
  int64_t window_size_;
};

}  // namespace

KVHOST_PRESS(Think)
