// SPDX-License-Identifier: Apache-2.0
// Attention matching: kept entries get a bias and new values, so that attention over them comes out
// as attention over everything did. Paper: arXiv:2602.16284. Checked against: the formulas of its
// published code on test vectors.
#include <kvhost/bias.hpp>

#include "support/matching.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class AttentionMatching {
 public:
  static Description describe() {
    return press("attention_matching")
        .summary("Biases and new values for what is kept, fitted to the attention that was paid to all")
        .paper("arXiv:2602.16284")
        .reference("the formulas of its published code on test vectors")
        .notes(
            "Queries are the prompt's own (published as context-prefill), each sees every entry. "
            "First the biases, so that the sums of the softmax come out, then the values, each by "
            "least squares over all entries of a KV head. Published: AM-HighestAttnKeys is "
            "attention_matching:matching_keys, AM-OMP is attention_matching(lowest_bias=-27.6,"
            "highest_bias=7,n_steps=0):matching_pursuit(at_once=1,solve_every=1). Normal "
            "equations in double where published in float32 by QR; a bias is float32 in the cache, "
            "published in the model's dtype. The whole prompt is matched, its template too. bias=false "
            "fits values alone. Published queries of repeated text or of questions made up about it, "
            "and those of layers that see what the layers before kept, are not there.")
        .default_inner("matching_keys")
        .param(boolean("bias", true).doc("Fit biases; otherwise they stay 0"))
        .param(real("lowest_bias", -3).min(-80).max(0).doc("Biases are at least this"))
        .param(real("highest_bias", 3).min(0).max(80).doc("Biases are at most this"))
        .param(integer("n_steps", 2).min(0).max(1000).doc(
            "Steps of projected gradient after the solution was brought between the bounds"))
        .param(real("ridge", 0).min(0).max(1).doc(
            "What new values are held back by, in parts of the largest eigenvalue"))
        .param(integer("n_queries", 4096).min(0).max(1 << 20).doc(
            "Queries of a KV head that are fitted to, spread over the prompt; 0: all"))
        .uses(KVH_T_QUERY_WINDOW)
        .edits_values();
  }
  static const void* extension(const char* id) noexcept {
    return bias_extension<AttentionMatching>(id);
  }

  explicit AttentionMatching(const Args& args)
      : with_biases_(args.flag("bias")),
        ridge_(args.real("ridge")),
        queries_(args) {
    check_plain(args);
    rule_.lowest = args.real("lowest_bias");
    rule_.highest = args.real("highest_bias");
    rule_.n_steps = args.integer("n_steps");
  }

  void needs(Needs& needs) const { queries_.need(needs); }

  void edit(const Layer&, Edit&) const { needs_biases(); }

  // A head that keeps all it has is left alone.
  void edit(const Layer& layer, Edit& edit, Biases& biases) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      const int64_t n_kept = edit.n_kept(h), n = layer.head(h).n_entries();
      if (n_kept == 0 || n_kept == n) continue;
      const at::Tensor kept =
          at::tensor(std::vector<int64_t>(edit.kept(h), edit.kept(h) + n_kept), at::kLong);
      const Fit fit =
          fit_kept(matched(layer, biases, h), kept, with_biases_ ? &rule_ : nullptr, ridge_);
      std::copy_n(fit.values.const_data_ptr<float>(), fit.values.numel(), edit.values(h));
      std::copy_n(fit.biases.const_data_ptr<float>(), n_kept, biases.kept(h));
    }
  }

 private:
  Matched matched(const Layer& layer, const Biases& biases, int32_t h) const {
    const Head head = layer.head(h);
    Matched out = matched_keys(layer, h);
    out.values = as_float(head.values().raw());
    if (const float* held = biases.held(h))
      out.biases = at::from_blob(const_cast<float*>(held), {head.n_entries()}, at::kFloat);
    return out;
  }

  bool with_biases_;
  BiasRule rule_;
  double ridge_;
  MatchedQueries queries_;
};

}  // namespace

KVHOST_PRESS(AttentionMatching)
