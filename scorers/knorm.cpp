// SPDX-License-Identifier: Apache-2.0
// Key norm: entries whose key has a small L2 norm tend to receive attention, so they are kept.
// Paper: arXiv:2406.11430. Checked against: kvpress 0.5.5 KnormPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class Knorm {
 public:
  static Description describe() {
    return scorer("knorm")
        .summary("Keeps the entries whose keys have the smallest L2 norm")
        .paper("arXiv:2406.11430")
        .reference("kvpress 0.5.5 KnormPress")
        .notes("The norm is accumulated in float64; kvpress uses float32.")
        .decodes();
  }

  explicit Knorm(const Args&) {}

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) {
      const Matrix keys = layer.head(h).keys();  // [n, d]
      std::vector<float> scratch;
      for (int64_t i = 0; i < keys.rows(); ++i) {
        const double norm = std::sqrt(squared_norm(keys.row(i, scratch), keys.cols()));
        out.row(h)[i] = static_cast<float>(-norm);
      }
    });
  }
};

}  // namespace

KVHOST_SCORER(Knorm)
