// SPDX-License-Identifier: Apache-2.0
// What presses of attention matching share: parameters, and the fit of a layer's kept entries to
// queries, wherever those come from.
#pragma once

#include <kvhost/bias.hpp>

#include "support/matching.hpp"

namespace kvhost::plugins {

// Parameters of a fit, behind summary and notes.
inline sdk::Description& add_fit_parameters(sdk::Description& to) {
  return to.param(sdk::boolean("bias", true).doc("Fit biases; otherwise they stay 0"))
      .param(sdk::real("lowest_bias", -3).min(-80).max(0).doc("Biases are at least this"))
      .param(sdk::real("highest_bias", 3).min(0).max(80).doc("Biases are at most this"))
      .param(
          sdk::integer("n_steps", 2)
              .min(0)
              .max(1000)
              .doc("Steps of projected gradient after the solution was brought between the bounds"))
      .param(sdk::real("ridge", 0)
                 .min(0)
                 .max(1)
                 .doc("What new values are held back by, in parts of the largest eigenvalue"));
}

class AttentionFit {
 public:
  explicit AttentionFit(const sdk::Args& args)
      : with_biases_(args.flag("bias")), ridge_(args.real("ridge")) {
    scorers::check_plain(args);
    rule_.lowest = args.real("lowest_bias");
    rule_.highest = args.real("highest_bias");
    rule_.n_steps = args.integer("n_steps");
  }

  // A head that keeps all it has is left alone. queries_of(h): [n, d] float, of KV head h.
  template <class QueriesOf>
  void edit(const sdk::Layer& layer,
            const sdk::Edit& edit,
            const sdk::Biases& biases,
            const QueriesOf& queries_of) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      const int64_t n_kept = edit.n_kept(h), n = layer.head(h).n_entries();
      if (n_kept == 0 || n_kept == n) continue;
      const at::Tensor kept =
          at::tensor(std::vector<int64_t>(edit.kept(h), edit.kept(h) + n_kept), at::kLong);
      const scorers::Fit fit = scorers::fit_kept(
          matched(layer, biases, h, queries_of(h)), kept, with_biases_ ? &rule_ : nullptr, ridge_);
      std::copy_n(fit.values.const_data_ptr<float>(), fit.values.numel(), edit.values(h));
      std::copy_n(fit.biases.const_data_ptr<float>(), n_kept, biases.kept(h));
    }
  }

 private:
  static scorers::Matched matched(const sdk::Layer& layer,
                                  const sdk::Biases& biases,
                                  int32_t h,
                                  const at::Tensor& queries) {
    const sdk::Head head = layer.head(h);
    scorers::Matched out = scorers::matched_keys(layer, h, queries);
    out.values = sdk::as_float(head.values().raw());
    if (const float* held = biases.held(h))
      out.biases = at::from_blob(const_cast<float*>(held), {head.n_entries()}, at::kFloat);
    return out;
  }

  bool with_biases_;
  double ridge_;
  scorers::BiasRule rule_;
};

}  // namespace kvhost::plugins
