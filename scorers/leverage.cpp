// SPDX-License-Identifier: Apache-2.0
// Leverage: keys that the other keys cannot explain. Statistical leverage of keys before rotation,
// through a random projection. Paper: arXiv:2507.08143. Checked against: kvpress 0.5.5
// LeverageScorePress.
#include "support/compactor_scores.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class Leverage {
 public:
  static Description describe() {
    return scorer("leverage")
        .summary("Statistical leverage of the keys before rotation, through a random projection")
        .paper("arXiv:2507.08143")
        .reference("kvpress 0.5.5 LeverageScorePress")
        .notes(
            "The projection comes from the run's seed, another one for every layer and head; "
            "kvpress draws from torch's global generator. Keys are taken from the cache with their "
            "rotation undone; kvpress projects the hidden states again. The Gram matrix and its "
            "Cholesky factor are float64, in kvpress float32, and where it is singular each head "
            "raises its own diagonal, in kvpress all together.")
        .param(integer("sketch_dimension", 48)
                   .min(1)
                   .max(4096)
                   .doc("Columns of the projection; larger is closer to exact leverage"))
        .param(Sketch::param(
            "Raw float32 [n_layers, n_kv_heads, head_dim, sketch_dimension] of standard normal "
            "draws to use instead of the seed's"));
  }

  explicit Leverage(const Args& args)
      : k_(args.integer("sketch_dimension")), sketch_(args, per_layer(args, k_)) {}

  void score(const Layer& layer, Scores& out) const {
    const EntryRanges all(layer, 0, layer.n_seen());
    const std::vector<float> scores = leverage_scores(layer, all, sketch_.of(layer), k_);
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      std::copy_n(scores.begin() + all.offset(h), all.size(h), out.row(h));
    }
  }

 private:
  static int64_t per_layer(const Args& args, int64_t k) {
    return args.model() ? args.model()->n_kv_heads * args.model()->head_dim * k : 0;
  }

  int64_t k_;
  Sketch sketch_;
};

}  // namespace

KVHOST_SCORER(Leverage)
