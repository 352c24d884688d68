// SPDX-License-Identifier: Apache-2.0
// A scorer in C++ with one parameter: recent entries count, and so do keys that differ from the
// mean key of their head. Start your own from here: describe() is what `kvhost info mine` shows,
// score() is the method.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class Mine {
 public:
  static Description describe() {
    return scorer("mine")
        .summary("Keeps recent entries and keys that differ from their head's mean key")
        .param(real("recency", 0.5)
                   .min(0)
                   .max(1)
                   .doc("Weight of recency against difference; 1 keeps the last entries only"))
        .decodes();
  }

  explicit Mine(const Args& args) : recency_(args.real("recency")) {}

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) { score_head(layer.head(h), out.row(h)); });
  }

 private:
  void score_head(const Head& head, float* row) const {
    const Matrix keys = head.keys();  // [n, d]
    std::vector<float> scratch;
    const std::vector<double> mean = mean_key(keys, scratch);  // [d]
    const double n = static_cast<double>(keys.rows());
    for (int64_t i = 0; i < keys.rows(); ++i) {
      const float* key = keys.row(i, scratch);
      double difference = 0;
      for (int64_t c = 0; c < keys.cols(); ++c) {
        const double step = key[c] - mean[static_cast<size_t>(c)];
        difference += step * step;
      }
      const double recent = static_cast<double>(i + 1) / n;                          // (0, 1]
      const double different = std::sqrt(difference) / (1 + std::sqrt(difference));  // [0, 1)
      row[i] = static_cast<float>(recency_ * recent + (1 - recency_) * different);
    }
  }

  static std::vector<double> mean_key(const Matrix& keys, std::vector<float>& scratch) {
    std::vector<double> mean(static_cast<size_t>(keys.cols()));
    for (int64_t i = 0; i < keys.rows(); ++i) {
      const float* key = keys.row(i, scratch);
      for (int64_t c = 0; c < keys.cols(); ++c) mean[static_cast<size_t>(c)] += key[c];
    }
    for (double& value : mean) value /= static_cast<double>(std::max<int64_t>(1, keys.rows()));
    return mean;
  }

  double recency_;
};

}  // namespace

KVHOST_PLUGIN("org.example.mine", scorer_method<Mine>)
