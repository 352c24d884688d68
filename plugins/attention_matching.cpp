// SPDX-License-Identifier: Apache-2.0
// Attention matching: kept entries get a bias and new values, so that attention over them comes out
// as attention over everything did. Paper: arXiv:2602.16284. Checked against: the formulas of its
// published code on test vectors.
#include "support/attention_fit.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::plugins;
using namespace kvhost::scorers;

class AttentionMatching {
 public:
  static Description describe() {
    Description out = press("attention_matching");
    out.summary("Biases and new values for what is kept, fitted to the attention that was paid to all")
        .paper("arXiv:2602.16284")
        .reference("the formulas of its published code on test vectors")
        .notes(
            "Queries are the prompt's own (published as context-prefill), each sees every entry; "
            "attention_matching_repeat has those of a repetition. "
            "First the biases, so that the sums of the softmax come out, then the values, each by "
            "least squares over all entries of a KV head. Published: AM-HighestAttnKeys is "
            "attention_matching:matching_keys, AM-OMP is attention_matching(lowest_bias=-27.6,"
            "highest_bias=7,n_steps=0):matching_pursuit(at_once=1,solve_every=1). Normal "
            "equations in double where published in float32 by QR; a bias is float32 in the cache, "
            "published in the model's dtype. The whole prompt is matched, its template too. bias=false "
            "fits values alone. Published queries of questions made up about the text, "
            "and those of layers that see what the layers before kept, are not there.")
        .default_inner("matching_keys");
    return add_fit_parameters(out)
        .param(integer("n_queries", 4096).min(0).max(1 << 20).doc(
            "Queries of a KV head that are fitted to, spread over the prompt; 0: all"))
        .uses(KVH_T_QUERY_WINDOW)
        .edits_values();
  }
  static const void* extension(const char* id) noexcept {
    return bias_extension<AttentionMatching>(id);
  }

  explicit AttentionMatching(const Args& args) : fit_(args), queries_(args) {}

  void needs(Needs& needs) const { queries_.need(needs); }

  void edit(const Layer&, Edit&) const { needs_biases(); }

  void edit(const Layer& layer, Edit& edit, Biases& biases) const {
    fit_.edit(layer, edit, biases, [&](int32_t h) { return MatchedQueries::of(layer, h); });
  }

 private:
  AttentionFit fit_;
  MatchedQueries queries_;
};

}  // namespace

KVHOST_PRESS(AttentionMatching)
