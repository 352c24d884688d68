// SPDX-License-Identifier: Apache-2.0
// Non-causal attention: within chunks every query sees every key; entries are kept by what they
// receive, times value norm. Paper: arXiv:2507.08143. Checked against: kvpress 0.5.5
// NonCausalAttnPress.
#include "support/compactor_scores.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class NonCausal {
 public:
  static Description describe() {
    return scorer("non_causal")
        .summary("Attention received inside chunks without the causal mask, times value norm")
        .paper("arXiv:2507.08143")
        .reference("kvpress 0.5.5 NonCausalAttnPress")
        .notes(
            "rule=exact scales logits by 1/sqrt(head_dim) and lets the last chunk be short. "
            "kvpress does not scale, and fills the last chunk with zeros that take part in the "
            "softmax (their mask is -1e-9): rule=kvpress does the same.")
        .param(integer("chunk_size", 256)
                   .min(1)
                   .unit("tokens")
                   .doc("Tokens that see each other; larger costs more"))
        .param(choice("rule", {"exact", "kvpress"}).doc("Scale and padding, see the notes"))
        .uses(KVH_T_QUERY_WINDOW);
  }

  explicit NonCausal(const Args& args)
      : settings_{args.integer("chunk_size"), args.choice("rule") == "kvpress"} {}

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, /*window=*/0); }

  void score(const Layer& layer, Scores& out) const {
    const EntryRanges all(layer, 0, layer.n_seen());
    const std::vector<float> scores = non_causal_scores(layer, all, settings_);
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      std::copy_n(scores.begin() + all.offset(h), all.size(h), out.row(h));
    }
  }

 private:
  NonCausalSettings settings_;
};

}  // namespace

KVHOST_SCORER(NonCausal)
