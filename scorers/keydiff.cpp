// SPDX-License-Identifier: Apache-2.0
// KeyDiff: keys that point away from the mean direction of all keys are kept.
// Paper: arXiv:2504.15364. Checked against: kvpress 0.5.5 KeyDiffPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class KeyDiff {
 public:
  static Description describe() {
    return scorer("keydiff")
        .summary("Keeps the keys least similar to the mean direction of all keys")
        .paper("arXiv:2504.15364")
        .reference("kvpress 0.5.5 KeyDiffPress")
        .notes(
            "The negative cosine to the mean of the normalised keys, accumulated in float64; "
            "kvpress uses the model's dtype. The paper evicts block by block, as kvpress's "
            "block_keydiff does. Nothing is protected.")
        .decodes();
  }

  explicit KeyDiff(const Args&) {}

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) { score_head(layer.head(h).keys(), out.row(h)); });
  }

 private:
  // keys: [n, d]. scores holds the norms in between.
  static void score_head(const Matrix& keys, float* scores) {
    const int64_t d = keys.cols();
    std::vector<double> anchor(static_cast<size_t>(d));  // times n, which a cosine does not see
    std::vector<float> scratch;
    for (int64_t i = 0; i < keys.rows(); ++i) {
      const float* key = keys.row(i, scratch);
      const double norm = std::sqrt(squared_norm(key, d));
      scores[i] = static_cast<float>(norm);
      const double scale = 1 / std::max(norm, 1e-12);
      for (int64_t j = 0; j < d; ++j) anchor[static_cast<size_t>(j)] += scale * key[j];
    }
    double anchor_norm = 0;
    for (const double a : anchor) anchor_norm += a * a;
    // The limits are torch's: 1e-8 on the norms of keys and of the mean.
    const auto n = static_cast<double>(keys.rows());
    anchor_norm = std::max(std::sqrt(anchor_norm), 1e-8 * n);
    for (int64_t i = 0; i < keys.rows(); ++i) {
      const float* key = keys.row(i, scratch);
      const double dot = inner_product(anchor.data(), key, d);
      const double norm = std::max(static_cast<double>(scores[i]), 1e-8);
      scores[i] = static_cast<float>(-dot / (norm * anchor_norm));
    }
  }
};

}  // namespace

KVHOST_SCORER(KeyDiff)
