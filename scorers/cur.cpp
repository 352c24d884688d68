// SPDX-License-Identifier: Apache-2.0
// CurDKV: approximate leverage of keys and values, as their squared norms relative to their
// neighbours'. Paper: arXiv:2509.15038. Checked against: kvpress 0.5.5 CURPress.
#include "support/sketch.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

constexpr int64_t kRank = 20;  // columns of the random projection, as in kvpress

class Cur {
 public:
  static Description describe() {
    return scorer("cur")
        .summary("Squared norms of keys and values relative to their neighbours'")
        .paper("arXiv:2509.15038")
        .reference("kvpress 0.5.5 CURPress")
        .notes(
            "The first num_sinks tokens always stay; kvpress gives them the score 1, the largest. "
            "Sums are float64, in kvpress of the model's dtype. The random projection comes from "
            "the run's seed, one for every layer; kvpress draws from torch's global generator. A "
            "window whose keys or values are all zero counts as 0; kvpress divides by zero.")
        .param(integer("num_sinks", 4).min(0).unit("tokens").doc("First tokens that always stay"))
        .param(choice("leverage_type", {"kv_product", "kv_avg", "key", "value"})
                   .doc("How the shares of key and value are combined"))
        .param(boolean("use_random_leverage", false)
                   .doc("Project keys and values on 20 random directions first"))
        .param(boolean("use_local_approximation", true)
                   .doc("Compare within windows instead of over all entries"))
        .param(integer("local_window_size", 16)
                   .min(1)
                   .unit("entries")
                   .doc("Size of the aligned windows"))
        .param(Sketch::param("Raw float32 [n_layers, head_dim, 20] of standard normal draws to "
                             "use instead of the seed's"))
        .decodes();
  }

  explicit Cur(const Args& args)
      : num_sinks_(args.integer("num_sinks")),
        type_(args.choice("leverage_type")),
        random_(args.flag("use_random_leverage")),
        local_(args.flag("use_local_approximation")),
        window_(args.integer("local_window_size")),
        sketch_(args, args.model() ? args.model()->head_dim * kRank : 0) {}

  void score(const Layer& layer, Scores& out) const {
    const std::vector<float> projection = random_ ? sketch_.of(layer) : std::vector<float>();
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const std::vector<double> keys = shares(head.keys(), projection);
      const std::vector<double> values = shares(head.values(), projection);
      std::vector<double> scores(keys.size());
      for (size_t i = 0; i < scores.size(); ++i) scores[i] = combine(keys[i], values[i]);
      const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
      for (size_t i = 0; i < scores.size(); ++i) {
        out.row(h)[i] = static_cast<float>(share(scores[i], sum));
      }
      const int64_t sinks = head.count_before(num_sinks_);
      if (std::isfinite(sum)) std::fill_n(out.row(h), sinks, 1.0f);
      out.pin(h, 0, sinks);
    });
  }

 private:
  // Squared norm of every row, over the sum within its window where these are used.
  std::vector<double> shares(const Matrix& rows, const std::vector<float>& projection) const {
    std::vector<double> squares(static_cast<size_t>(rows.rows()));
    std::vector<float> scratch;
    for (size_t i = 0; i < squares.size(); ++i) {
      const float* row = rows.row(static_cast<int64_t>(i), scratch);
      squares[i] =
          random_ ? projected_square(row, rows.cols(), projection) : squared_norm(row, rows.cols());
    }
    if (!local_) return squares;
    for (size_t begin = 0; begin < squares.size(); begin += static_cast<size_t>(window_)) {
      const size_t end = std::min(squares.size(), begin + static_cast<size_t>(window_));
      double sum = 0;
      for (size_t i = begin; i < end; ++i) sum += squares[i];
      for (size_t i = begin; i < end; ++i) squares[i] = share(squares[i], sum);
    }
    return squares;
  }

  // ||x G||^2 / kRank. projection: [d, kRank]
  static double projected_square(const float* x, int64_t d, const std::vector<float>& projection) {
    double sums[kRank] = {};
    for (int64_t j = 0; j < d; ++j) {
      const float* row = projection.data() + j * kRank;
      for (int64_t r = 0; r < kRank; ++r) sums[r] += static_cast<double>(x[j]) * row[r];
    }
    double square = 0;
    for (const double s : sums) square += s * s;
    return square / static_cast<double>(kRank);
  }

  static double share(double part, double whole) { return whole == 0 ? 0.0 : part / whole; }

  double combine(double key, double value) const {
    if (type_ == "key") return key;
    if (type_ == "value") return value;
    return type_ == "kv_avg" ? (key + value) / 2 : key * value;
  }

  int64_t num_sinks_;
  std::string type_;
  bool random_, local_;
  int64_t window_;
  Sketch sketch_;
};

}  // namespace

KVHOST_SCORER(Cur)
