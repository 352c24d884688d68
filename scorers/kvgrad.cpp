// SPDX-License-Identifier: Apache-2.0
// KVgrad: how much the model's last hidden states, while it repeats the prompt, hang on what an
// entry adds to the residual stream: attention times the projected value's norm times the norm of
// the gradient there. Paper: openreview.net/forum?id=cg1wTCJjjk. Checked against: kvpress 0.5.5
// KVgradPress.
#include <kvhost/passes.hpp>

#include "support/output_norms.hpp"
#include "support/replay.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class KvGrad {
 public:
  struct Sequence : PassSequence {
    TokenScores scores;
  };

  static Description describe() {
    return scorer("kvgrad")
        .summary("Attention of a repetition, times what the last hidden states hang on it")
        .paper("openreview.net/forum?id=cg1wTCJjjk")
        .reference("kvpress 0.5.5 KVgradPress")
        .notes(
            "Reads the prompt once more as kvzip does, and differentiates each pass on the slow "
            "decoder: about five times the time of kvzip's passes, in float32 models only. "
            "kvpress ranks all layers and heads together: joint:kvgrad; its layerwise=true is "
            "adakv(alpha_safeguard=0):kvgrad. Sinks are pinned.")
        .param(integer("n_sink", 4).min(0).unit("tokens").doc("First tokens that stay"))
        .param(integer("chunk_size", 512)
                   .min(1)
                   .unit("tokens")
                   .doc("Tokens of the prompt that one pass repeats"))
        .uses(KVH_T_OUTPUT_WEIGHT)
        .reads_prompt();
  }

  explicit KvGrad(const Args& args)
      : n_sink_(args.integer("n_sink")), replay_(args.integer("chunk_size"), n_sink_) {}

  static const void* extension(const char* id) noexcept { return passes_extension<KvGrad>(id); }

  void needs(Needs& needs) const { needs.add(KVH_T_OUTPUT_WEIGHT); }

  PassCost pass_cost(const Prompt& prompt) const {
    PassCost cost = replay_.cost(prompt);
    cost.gradients = true;
    return cost;
  }

  void next_pass(Sequence&, const Prompt& prompt, int64_t index, Pass& pass) const {
    replay_.fill(prompt, index, pass);
    pass.per_head = true;
    pass.rows = KVH_ROWS_BY_GRADIENT;
  }

  void observe_pass(Sequence& sequence, const Layer& layer, const Columns& columns) const {
    const at::Tensor norms = output_norms(layer, columns.first_entry(), columns.n());
    sequence.scores.raise(layer, columns, norms.const_data_ptr<float>());
  }

  void score(Sequence& sequence, const Layer& layer, Scores& out) const {
    sequence.scores.hand_out(layer, n_sink_, out);
  }

 private:
  int64_t n_sink_;
  Replay replay_;
};

}  // namespace

KVHOST_SCORER(KvGrad)
