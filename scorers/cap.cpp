// SPDX-License-Identifier: Apache-2.0
// CapKV: entries whose values add to what the cache can express, weighted by how well their keys
// point towards the queries to come. Paper: arXiv:2604.25975. Checked against: kvpress 0.5.5
// CapPress.
#include "support/finite.hpp"
#include "support/linear_algebra.hpp"
#include "support/query_rows.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class Cap {
 public:
  static Description describe() {
    return scorer("cap")
        .summary("Leverage of the values among entries that queries to come point towards")
        .paper("arXiv:2604.25975")
        .reference("kvpress 0.5.5 CapPress")
        .notes(
            "The first n_sink tokens always stay; in the paper they tie with the best. A prompt "
            "of n_sink tokens or fewer is kept whole; kvpress refuses it. The capacity matrix is "
            "factorised by Cholesky in float64, in kvpress by LU in float32.")
        .param(real("tau", 5.0).min(0).doc("Sharpness of the weights; larger favours fewer keys"))
        .param(integer("n_future_positions", 512)
                   .min(1)
                   .max(65536)  // each costs a rotation
                   .unit("tokens")
                   .doc("Positions after the last one that the rotation is averaged over"))
        .param(integer("n_sink", 4)
                   .min(0)
                   .unit("tokens")
                   .doc("First tokens that always stay and whose queries do not count"))
        .param(real("epsilon", 1e-6).min(0).doc("Added to every weight in the capacity matrix"))
        .param(
            integer("query_window", 0)
                .min(0)
                .unit("tokens")
                .doc("How many of the last queries count; 0: all, which only a prefill can give"))
        .uses(KVH_T_QUERY_WINDOW)
        .decodes();
  }

  explicit Cap(const Args& args)
      : tau_(args.real("tau")),
        n_future_positions_(args.integer("n_future_positions")),
        n_sink_(args.integer("n_sink")),
        epsilon_(args.real("epsilon")),
        query_window_(args.integer("query_window")) {}

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, query_window_); }

  void score(const Layer& layer, Scores& out) const {
    const QueryRows queries(layer, n_sink_);
    const MeanRotation rotation(layer, layer.n_seen(), n_future_positions_);
    for_each_head(layer, [&](int32_t h) {
      layer.check_cancelled();
      const Head head = layer.head(h);
      const int64_t sinks = queries.size() > 0 ? head.count_before(n_sink_) : head.n_entries();
      const int64_t n = head.n_entries() - sinks;
      std::fill_n(out.row(h), sinks, 0.0f);
      out.pin(h, 0, sinks);
      require_finite(head.keys(), 0, sinks, "key");
      if (n == 0) return;
      const at::Tensor keys = as_float(head.keys().raw()).narrow(/*dim=*/0, sinks, n);  // [n, d]
      // [n, d]
      const at::Tensor values = as_float(head.values().raw()).narrow(/*dim=*/0, sinks, n);
      const at::Tensor directions = normalized(keys);
      at::Tensor scores = at::zeros({n}, at::kFloat);
      const int32_t group = layer.group_size();
      for (int32_t g = 0; g < group; ++g) {
        at::Tensor anchor = queries.before_rotation(h * group + g).mean(/*dim=*/0);  // [d]
        rotation.apply(anchor.data_ptr<float>());
        scores += weighted_leverage(directions.mv(normalized(anchor)), values);
      }
      scores /= static_cast<double>(group);
      std::copy_n(scores.contiguous().data_ptr<float>(), n, out.row(h) + sinks);
    });
    out.set_pinned_to_max_plus_one();
  }

 private:
  static at::Tensor normalized(const at::Tensor& rows) {
    return rows / rows.norm(/*p=*/2, /*dim=*/-1, /*keepdim=*/true).clamp_min(1e-12);
  }

  // cosines: [n], values: [n, d] -> [n]
  at::Tensor weighted_leverage(at::Tensor cosines, const at::Tensor& values) const {
    const at::Tensor logits = cosines.clamp(-1, 1) * tau_;
    const at::Tensor weights = (logits - logits.max()).exp();
    // In float64 from here on: beside values of a thousand float32 forgets the identity.
    const at::Tensor scaled =
        (values * (weights + epsilon_).sqrt().unsqueeze(/*dim=*/1)).to(at::kDouble);
    const at::Tensor capacity = at::eye(values.size(1), at::kDouble) + scaled.t().matmul(scaled);
    const at::Tensor leverage = inverse_quadratic_forms(values, capacity);
    if (!leverage.defined()) {
      throw Error(KVH_E_INTERNAL, "", "a capacity matrix without a Cholesky factor");
    }
    return weights * leverage;
  }

  double tau_;
  int64_t n_future_positions_, n_sink_;
  double epsilon_;
  int64_t query_window_;
};

}  // namespace

KVHOST_SCORER(Cap)
