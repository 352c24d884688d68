// SPDX-License-Identifier: Apache-2.0
// Attention matching (arXiv:2602.16284): few keys, each with a bias, and new values for them stand in
// for all entries of a head, so that some queries' attention comes out as it was. Queries see every
// entry. Least squares by normal equations in double, summed over tiles of queries: no matrix
// of all queries and all entries is ever whole.
#pragma once

#include <kvhost/spread.h>
#include <kvhost/torch.hpp>
#include <vector>

namespace kvhost::scorers {

constexpr int64_t kMatchingTile = 256;  // queries at a time
constexpr double kMatchingJitter = 1e-12;  // of the mean of the diagonal: it may be singular

// All of one KV head.
struct Matched {
  at::Tensor queries;  // [n, d] of its query heads, one behind the other
  at::Tensor keys;     // [T, d]
  at::Tensor values;   // [T, d_v]
  at::Tensor biases;   // [T] what the entries add already; undefined: nothing
  double scale = 1;    // of q . k

  int64_t n_tiles() const { return (queries.size(0) + kMatchingTile - 1) / kMatchingTile; }
  at::Tensor tile(int64_t i) const {
    const int64_t first = i * kMatchingTile;
    return queries.narrow(0, first, std::min(kMatchingTile, queries.size(0) - first));
  }
  // [rows, T]
  at::Tensor scores(const at::Tensor& rows) const {
    const at::Tensor out = rows.matmul(keys.t()) * scale;
    return biases.defined() ? out + biases : out;
  }
};

// exp(score - the row's largest) and its sums over the row.
struct Numerators {
  at::Tensor weights;  // [rows, T]
  at::Tensor sums;     // [rows, 1]

  explicit Numerators(const at::Tensor& scores)
      : weights((scores - scores.amax(/*dim=*/-1, /*keepdim=*/true)).exp_()),
        sums(weights.sum(/*dim=*/-1, /*keepdim=*/true)) {}
};

// What each entry gets of the queries' attention: [T], over the queries.
enum class Share { Rms, Mean, Max };
inline at::Tensor attention_share(const Matched& head, Share share) {
  at::Tensor out = at::zeros({head.keys.size(0)}, at::kDouble);
  for (int64_t i = 0; i < head.n_tiles(); ++i) {
    const Numerators all(head.scores(head.tile(i)));
    const at::Tensor rows = all.weights / all.sums;
    if (share == Share::Max)
      out = at::maximum(out, rows.amax(/*dim=*/0).to(at::kDouble));
    else
      out += (share == Share::Rms ? rows.square() : rows).sum(/*dim=*/0, false, at::kDouble);
  }
  if (share == Share::Max) return out;
  out = out / static_cast<double>(head.queries.size(0));
  return share == Share::Rms ? out.sqrt() : out;
}

// A symmetric matrix [t, t] that may be singular, and its right side [t, m].
inline at::Tensor solve_normal(const at::Tensor& gram, const at::Tensor& right, double ridge) {
  const int64_t t = gram.size(0);
  const double level = std::max(gram.diagonal().mean().item<double>(), 1e-300);
  const at::Tensor whole = gram + at::eye(t, gram.options()) * (kMatchingJitter * level + ridge);
  return at::linalg_solve(whole, right);
}

// How biases are found: within [lowest, highest], after the clamp so many steps of projected
// gradient.
struct BiasRule {
  double lowest = -3, highest = 3;
  int64_t n_steps = 2;
};

// The largest eigenvalue of a symmetric matrix, three power iterations from ones.
inline double largest_eigenvalue(const at::Tensor& gram) {
  at::Tensor along = at::ones({gram.size(0)}, gram.options());
  for (int i = 0; i < 3; ++i) {
    const at::Tensor next = gram.mv(along);
    along = next / std::max(next.norm().item<double>(), 1e-300);
  }
  return along.dot(gram.mv(along)).item<double>();
}

// B >= 0 [t] that minimises |E B - y|^2, of gram = E^T E and right = E^T y; exp of the biases.
inline at::Tensor bounded_weights(const at::Tensor& gram,
                                  const at::Tensor& right,
                                  const BiasRule& rule) {
  const double low = std::exp(rule.lowest), high = std::exp(rule.highest);
  at::Tensor out = solve_normal(gram, right.unsqueeze(-1), 0).squeeze(-1).clamp(low, high);
  if (rule.n_steps == 0) return out;
  const double step = 1 / std::max(largest_eigenvalue(gram), 1e-300);
  for (int64_t i = 0; i < rule.n_steps; ++i)
    out = (out - step * (gram.mv(out) - right)).clamp(low, high);
  return out;
}

// What stands in for the head's entries: biases of the kept ones and their new values.
struct Fit {
  at::Tensor biases;  // [t] float
  at::Tensor values;  // [t, d_v] float
};

// `kept`: [t] indices. bias_rule null: biases stay 0. `ridge`: of the values, times the largest
// eigenvalue of their gram.
inline Fit fit_kept(const Matched& head,
                    const at::Tensor& kept,
                    const BiasRule* bias_rule,
                    double ridge) {
  const int64_t t = kept.size(0), d = head.values.size(1);
  const auto wide = at::TensorOptions().dtype(at::kDouble);
  at::Tensor gram = at::zeros({t, t}, wide), right = at::zeros({t}, wide);
  std::vector<at::Tensor> targets;  // [rows, d_v] a tile: attention over everything
  for (int64_t i = 0; i < head.n_tiles(); ++i) {
    const Numerators all(head.scores(head.tile(i)));
    targets.push_back(all.weights.matmul(head.values) / all.sums);
    const at::Tensor some = all.weights.index_select(1, kept).to(at::kDouble);
    gram += some.t().matmul(some);
    right += some.t().mv(all.sums.squeeze(-1).to(at::kDouble));
  }
  Fit out{at::zeros({t}, at::kFloat), {}};
  if (bias_rule) out.biases = bounded_weights(gram, right, *bias_rule).log().to(at::kFloat);
  gram.zero_();
  at::Tensor sides = at::zeros({t, d}, wide);
  Matched few{head.queries, head.keys.index_select(0, kept), {}, out.biases, head.scale};
  for (int64_t i = 0; i < head.n_tiles(); ++i) {
    const at::Tensor rows = few.scores(few.tile(i)).to(at::kDouble).softmax(-1);
    gram += rows.t().matmul(rows);
    sides += rows.t().matmul(targets[static_cast<size_t>(i)].to(at::kDouble));
  }
  const double penalty = ridge > 0 ? ridge * largest_eigenvalue(gram) : 0;
  out.values = solve_normal(gram, sides, penalty).to(at::kFloat).contiguous();
  return out;
}

// How a method asks for the queries that it matches: `most` of a KV head at most, from the middle of
// equal stretches of each query head's; 0: all.
class MatchedQueries {
 public:
  explicit MatchedQueries(const sdk::Args& args) : most_(args.integer("n_queries")) {
    if (args.model()) group_ = args.model()->n_heads / args.model()->n_kv_heads;
  }
  void need(sdk::Needs& needs) const {
    if (most_ == 0)
      needs.add(KVH_T_QUERY_WINDOW, /*window=*/0);
    else
      needs.add(KVH_T_QUERY_WINDOW, std::max<int64_t>(most_ / group_, 1), KVH_NEED_SPREAD);
  }
  // Of [n_heads, T, d] those that it would have been given.
  at::Tensor some(const at::Tensor& all) const {
    const int64_t n_tokens = all.size(1), each = std::max<int64_t>(most_ / group_, 1);
    if (most_ == 0 || each >= n_tokens) return all;
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < each; ++i) rows.push_back(kvh_spread_token(i, each, n_tokens));
    return all.index_select(1, at::tensor(rows, at::kLong));
  }
  // Those of KV head h: [n, d] float
  static at::Tensor of(const sdk::Layer& layer, int32_t h) {
    const int64_t group = layer.group_size();
    const at::Tensor rows = sdk::as_tensor(layer.get(KVH_T_QUERY_WINDOW))
                                .narrow(0, h * group, group);  // -> [group_size, n, d]
    return rows.to(at::kFloat).reshape({group * rows.size(1), rows.size(2)});
  }

 private:
  int64_t most_, group_ = 1;
};

// Of KV head h, without values.
inline Matched matched_keys(const sdk::Layer& layer, int32_t h, const at::Tensor& queries) {
  Matched out;
  out.queries = queries;
  out.keys = sdk::as_float(layer.head(h).keys().raw());
  out.scale = layer.shape().scale;
  return out;
}

// What attention_share() says, to `to` [T].
inline void share_of(const Matched& head, Share share, float* to) {
  const at::Tensor shares = attention_share(head, share).to(at::kFloat).contiguous();
  std::copy_n(shares.const_data_ptr<float>(), shares.numel(), to);
}

// [create] A layer whose attention is more than a softmax of products cannot be matched so.
inline void check_plain(const sdk::Args& args) {
  if (!args.model()) return;  // described, not run
  for (int32_t l = 0; l < args.model()->n_layers; ++l) {
    const kvh_layer_shape& shape = *args.model()->layers[l];
    if (shape.softcap > 0 || shape.sinks)
      throw sdk::Error(KVH_E_UNSUPPORTED,
                       "",
                       "the attention of layer " + std::to_string(l) +
                           " has a softcap or sinks; expected a model with a plain softmax");
  }
}

}  // namespace kvhost::scorers
