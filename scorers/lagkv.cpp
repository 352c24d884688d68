// SPDX-License-Identifier: Apache-2.0
// LagKV: a token is judged by how unevenly its key and value lie in the range that the next
// partition spans. Paper: arXiv:2504.04704. Checked against: kvpress 0.5.5 LagKVPress.
#include "support/finite.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class LagKv {
 public:
  static Description describe() {
    return scorer("lagkv")
        .summary("Keeps keys and values that spread in the range of the next partition")
        .paper("arXiv:2504.04704")
        .reference("kvpress 0.5.5 LagKVPress")
        .notes(
            "Prompts shorter than n_sink + 2 lag_size keep sinks and the most recent tokens, as "
            "in kvpress. The sinks and the last partition with its remainder always stay; kvpress "
            "gives them the score 1, the largest. Ranks repeat in every partition, so budgets "
            "usually cut among ties: kvpress leaves the choice to torch, here the earlier position "
            "stays. A channel that is constant over the next partition counts as 0; kvpress "
            "divides by zero.")
        .param(integer("n_sink", 4).min(0).unit("tokens").doc("First tokens that always stay"))
        .param(integer("lag_size", 128)
                   .min(1)
                   .unit("tokens")
                   .doc("Size of a partition; the last one always stays"))
        .param(boolean("cross_scoring", false)
                   .doc("Compare scores across partitions instead of ranks within each"))
        .decodes();
  }

  explicit LagKv(const Args& args)
      : n_sink_(args.integer("n_sink")),
        lag_size_(args.integer("lag_size")),
        cross_scoring_(args.flag("cross_scoring")) {}

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries(), sinks = head.count_before(n_sink_);
      const int64_t n_partitions = (n - sinks) / lag_size_;
      float* scores = out.row(h);
      require_finite(head.keys(), 0, n, "key");  // ranks and pins would hide it
      require_finite(head.values(), 0, n, "value");
      std::fill_n(scores, n, 1.0f);
      out.pin(h, 0, sinks, /*value=*/2);
      if (n_partitions < 2) {
        for (int64_t i = sinks; i < n; ++i) {
          scores[i] = static_cast<float>(i - sinks) / static_cast<float>(n - sinks);
        }
        return;
      }
      for (int64_t p = 0; p + 1 < n_partitions; ++p) {
        layer.check_cancelled();
        score_partition(head, sinks + p * lag_size_, scores);
      }
      out.pin(h, sinks + (n_partitions - 1) * lag_size_, n, /*value=*/1);
    });
  }

 private:
  // Writes scores[begin, begin + lag_size).
  void score_partition(const Head& head, int64_t begin, float* scores) const {
    std::vector<double> keys = spread(head.keys(), begin), values = spread(head.values(), begin);
    softmax(keys);
    softmax(values);
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = (keys[i] + values[i]) / 2;
    if (!cross_scoring_) rank(keys);
    std::copy(keys.begin(), keys.end(), scores + begin);
  }

  // Per row of the partition at `begin`: standard deviation over channels of the row, scaled to the
  // range of the next one.
  std::vector<double> spread(const Matrix& rows, int64_t begin) const {
    const int64_t d = rows.cols();
    std::vector<float> scratch;
    const float* first = rows.row(begin + lag_size_, scratch);
    std::vector<float> low(first, first + d), high(low);
    for (int64_t i = 1; i < lag_size_; ++i) {
      const float* row = rows.row(begin + lag_size_ + i, scratch);
      for (size_t j = 0; j < low.size(); ++j) {
        low[j] = row[j] < low[j] ? row[j] : low[j];
        high[j] = row[j] > high[j] ? row[j] : high[j];
      }
    }
    std::vector<double> inverse_range(low.size());
    for (size_t j = 0; j < low.size(); ++j) {
      const double range = static_cast<double>(high[j]) - low[j];
      inverse_range[j] = range == 0 ? 0.0 : 1 / range;
    }
    std::vector<double> out(static_cast<size_t>(lag_size_));
    for (int64_t i = 0; i < lag_size_; ++i) {
      const float* row = rows.row(begin + i, scratch);
      out[static_cast<size_t>(i)] = deviation(row, low.data(), inverse_range.data(), d);
    }
    return out;
  }

  // Standard deviation over the channels of (row - low) * inverse_range.
  static double deviation(const float* row,
                          const float* low,
                          const double* inverse_range,
                          int64_t d) {
    double sum[4] = {}, squares[4] = {};  // the lanes let a compiler vectorise
    const auto add = [&](int64_t j, int64_t lane) {
      const double scaled = (static_cast<double>(row[j]) - low[j]) * inverse_range[j];
      sum[lane] += scaled;
      squares[lane] += scaled * scaled;
    };
    for (int64_t j = 0; j + 4 <= d; j += 4) {
      for (int64_t lane = 0; lane < 4; ++lane) add(j + lane, lane);
    }
    for (int64_t j = d / 4 * 4; j < d; ++j) add(j, 0);
    const double total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    const double total_squares = (squares[0] + squares[1]) + (squares[2] + squares[3]);
    const auto n = static_cast<double>(d);
    const double variance = (total_squares - total * total / n) / std::max(1.0, n - 1);
    return std::sqrt(std::max(variance, 0.0));
  }

  static void softmax(std::vector<double>& x) {
    const double highest = *std::max_element(x.begin(), x.end());
    double sum = 0;
    for (double& v : x) sum += v = std::exp(v - highest);
    for (double& v : x) v /= sum;
  }

  // Replaces scores by their rank over the partition's size; of equal ones the earlier is better.
  static void rank(std::vector<double>& scores) {
    std::vector<size_t> order(scores.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return scores[a] < scores[b] || (scores[a] == scores[b] && a > b);
    });
    for (size_t r = 0; r < order.size(); ++r) {
      scores[order[r]] = static_cast<double>(r) / static_cast<double>(scores.size());
    }
  }

  int64_t n_sink_;
  int64_t lag_size_;
  bool cross_scoring_;
};

}  // namespace

KVHOST_SCORER(LagKv)
