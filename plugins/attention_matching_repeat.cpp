// SPDX-License-Identifier: Apache-2.0
// Attention matching by queries of the model while it repeats the prompt. Paper: arXiv:2602.16284.
// Checked against: the formulas of its published code on test vectors.
#include "support/attention_fit.hpp"
#include "support/repeated_queries.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::plugins;
using namespace kvhost::scorers;

class AttentionMatchingRepeat {
 public:
  using Sequence = RepeatedQueries::Sequence;

  static Description describe() {
    Description out = press("attention_matching_repeat");
    out.summary("Biases and new values for what is kept, fitted to the attention of a repetition")
        .paper("arXiv:2602.16284")
        .reference("the formulas of its published code on test vectors")
        .notes(
            "attention_matching by the published queries `repeat`: the model reads the prompt once "
            "more behind words that ask to repeat it (those of kvzip; the published words are "
            "others), and every query of that sees every entry of the prompt. Published over keys "
            "by the same queries, matching_keys_repeat, which reads it for itself. The full cache is "
            "held until then; the model needs a tokenizer.")
        .default_inner("matching_keys_repeat");
    return add_fit_parameters(out)
        .param(
            integer("n_queries", 4096)
                .min(0)
                .max(1 << 20)
                .doc("Queries of a KV head that are fitted to, spread over the repetition; 0: all"))
        .uses(KVH_T_QUERY_WINDOW)
        .edits_values()
        .reads_prompt();
  }
  static const void* extension(const char* id) noexcept {
    if (const void* biases = bias_extension<AttentionMatchingRepeat>(id)) return biases;
    return passes_extension<AttentionMatchingRepeat>(id);
  }

  explicit AttentionMatchingRepeat(const Args& args) : fit_(args), queries_(args) {}

  void needs(Needs& needs) const { queries_.need(needs); }
  PassCost pass_cost(const Prompt& prompt) const { return queries_.cost(prompt); }
  void next_pass(Sequence&, const Prompt& prompt, int64_t index, Pass& pass) const {
    queries_.fill(prompt, index, pass);
  }
  void observe_pass(Sequence& sequence, const Layer& layer, const Columns&) const {
    queries_.observe(sequence, layer);
  }

  void edit(const Sequence&, const Layer&, Edit&) const { needs_biases(); }

  void edit(const Sequence& sequence, const Layer& layer, Edit& edit, Biases& biases) const {
    fit_.edit(
        layer, edit, biases, [&](int32_t h) { return RepeatedQueries::of(sequence, layer, h); });
  }

 private:
  AttentionFit fit_;
  RepeatedQueries queries_;
};

}  // namespace

KVHOST_PRESS(AttentionMatchingRepeat)
