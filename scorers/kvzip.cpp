// SPDX-License-Identifier: Apache-2.0
// KVzip: the model is asked to repeat the prompt, and an entry is worth the most attention that any
// token of the repetition pays to it. Paper: arXiv:2505.23416 (KVzip+: arXiv:2601.07891). Checked
// against: kvpress 0.5.5 KVzipPress.
#include <kvhost/passes.hpp>

#include "support/output_norms.hpp"
#include "support/replay.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class KvZip {
 public:
  struct Sequence : PassSequence {
    TokenScores scores;
  };

  static Description describe() {
    return scorer("kvzip")
        .summary("The most attention that a repetition of the prompt pays to an entry")
        .paper("arXiv:2505.23416")
        .reference("kvpress 0.5.5 KVzipPress")
        .notes(
            "Reads the prompt once more, chunk by chunk, behind itself (`kvhost plan` says what "
            "that costs), and holds the full cache until then; the model needs a tokenizer. The "
            "softmax runs over the sinks, the chunk and the pass's own tokens. kvpress's kvzip "
            "ranks all layers and heads together: joint:kvzip, which --press kvzip stands for; "
            "its layerwise=true is adakv(alpha_safeguard=0):kvzip. There the template's first "
            "tokens count as such in any prompt, here where the prompt begins with them. Sinks "
            "are pinned.")
        .param(integer("n_sink", 4).min(0).unit("tokens").doc("First tokens that stay"))
        .param(boolean("kvzip_plus_normalization", false)
                   .doc("KVzip+: attention over the norm of the repeating token's hidden state, "
                        "times the norm of the value through the output projection"))
        .param(integer("chunk_size", 2048)
                   .min(1)
                   .unit("tokens")
                   .doc("Tokens of the prompt that one pass repeats"))
        .uses(KVH_T_OUTPUT_WEIGHT)
        .reads_prompt();
  }

  explicit KvZip(const Args& args)
      : plus_(args.flag("kvzip_plus_normalization")),
        n_sink_(args.integer("n_sink")),
        replay_(args.integer("chunk_size"), n_sink_) {}

  static const void* extension(const char* id) noexcept { return passes_extension<KvZip>(id); }

  void needs(Needs& needs) const {
    if (plus_) needs.add(KVH_T_OUTPUT_WEIGHT);
  }

  PassCost pass_cost(const Prompt& prompt) const { return replay_.cost(prompt); }

  void next_pass(Sequence&, const Prompt& prompt, int64_t index, Pass& pass) const {
    replay_.fill(prompt, index, pass);
    pass.per_head = plus_;
    pass.rows = plus_ ? KVH_ROWS_BY_HIDDEN : KVH_ROWS_PLAIN;
  }

  void observe_pass(Sequence& sequence, const Layer& layer, const Columns& columns) const {
    at::Tensor norms;  // [n_heads, n]
    if (plus_) norms = output_norms(layer, columns.first_entry(), columns.n());
    const float* factors = plus_ ? norms.const_data_ptr<float>() : nullptr;
    sequence.scores.raise(layer, columns, factors);
  }

  void score(Sequence& sequence, const Layer& layer, Scores& out) const {
    sequence.scores.hand_out(layer, n_sink_, out);
  }

 private:
  bool plus_;
  int64_t n_sink_;
  Replay replay_;
};

}  // namespace

KVHOST_SCORER(KvZip)
