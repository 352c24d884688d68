// SPDX-License-Identifier: Apache-2.0
// Expected attention: how much attention Gaussian queries at the positions to come will pay to each
// entry. The two scorers that use it differ in where mean and covariance come from.
#pragma once

#include <kvhost/torch.hpp>

#include "finite.hpp"

namespace kvhost::scorers {

struct ExpectedSettings {
  explicit ExpectedSettings(const sdk::Args& args)
      : n_future_positions(args.integer("n_future_positions")),
        n_sink(args.integer("n_sink")),
        use_covariance(args.flag("use_covariance")),
        use_vnorm(args.flag("use_vnorm")),
        epsilon(args.real("epsilon")) {}

  int64_t n_future_positions, n_sink;
  bool use_covariance, use_vnorm;
  double epsilon;
};

inline sdk::Description& add_expected_params(sdk::Description& description) {
  return description
      .param(sdk::integer("n_future_positions", 512)
                 .min(1)
                 .max(65536)  // each costs a rotation
                 .unit("tokens")
                 .doc("Positions after the last one that the rotation is averaged over"))
      .param(sdk::integer("n_sink", 4)
                 .min(0)
                 .unit("tokens")
                 .doc("First tokens that always stay and whose queries do not count"))
      .param(sdk::boolean("use_covariance", true)
                 .doc("Whether the spread of the queries counts beside their mean"))
      .param(sdk::boolean("use_vnorm", true)
                 .doc("Whether the score is multiplied by the norm of the value"))
      .param(sdk::real("epsilon", 0.0)
                 .min(0)
                 .doc("Added to the attention before it is multiplied by the norm"));
}

// Mean [d] and, where it counts, covariance [d, d] of a query head before rotation; float32 in one
// piece, owned by whoever asks.
struct QueryStatistics {
  at::Tensor mean, covariance;
};

// [n] attention of one query head. keys: [n, d]
inline at::Tensor expected_attention(const at::Tensor& keys,
                                     const QueryStatistics& queries,
                                     const sdk::MeanRotation& rotation) {
  const auto d = static_cast<double>(keys.size(1));
  rotation.apply(queries.mean.data_ptr<float>());
  at::Tensor logits = keys.mv(queries.mean) / std::sqrt(d);
  if (queries.covariance.defined()) {
    rotation.apply_both_sides(queries.covariance.data_ptr<float>(), keys.size(1));
    logits += keys.matmul(queries.covariance).mul_(keys).sum(/*dim=*/1) / (2 * d);
  }
  return logits.softmax(/*dim=*/0);
}

// statistics(j) of query head j -> QueryStatistics.
template <typename Statistics>
void score_expected(const sdk::Layer& layer,
                    const ExpectedSettings& settings,
                    const Statistics& statistics,
                    sdk::Scores& out) {
  const sdk::MeanRotation rotation(layer, layer.n_seen(), settings.n_future_positions);
  sdk::for_each_head(layer, [&](int32_t h) {
    layer.check_cancelled();
    const sdk::Head head = layer.head(h);
    const int64_t sinks = head.count_before(settings.n_sink), n = head.n_entries() - sinks;
    std::fill_n(out.row(h), sinks, 0.0f);
    out.pin(h, 0, sinks);
    require_finite(head.keys(), 0, sinks, "key");
    if (n == 0) return;
    const at::Tensor keys = sdk::as_float(head.keys().raw()).narrow(/*dim=*/0, sinks, n);  // [n, d]
    at::Tensor scores = at::zeros({n}, at::kFloat);
    const int32_t group = layer.group_size();
    for (int32_t g = 0; g < group; ++g) {
      scores += expected_attention(keys, statistics(h * group + g), rotation);
    }
    scores /= static_cast<double>(group);
    if (settings.use_vnorm) {
      const at::Tensor values = sdk::as_float(head.values().raw()).narrow(/*dim=*/0, sinks, n);
      scores = (scores + settings.epsilon) * values.norm(/*p=*/2, /*dim=*/1);
    }
    std::copy_n(scores.contiguous().data_ptr<float>(), n, out.row(h) + sinks);
  });
  out.set_pinned_to_max_plus_one();
}

}  // namespace kvhost::scorers
