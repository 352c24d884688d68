// SPDX-License-Identifier: Apache-2.0
// GRKV's refit (arXiv:2605.31105): kept values, then keys, are moved a little so that attention over
// what is kept comes closer to attention over everything, for some queries. Ridge regression in the
// dual, where there are few queries and many entries.
#pragma once

#include <kvhost/torch.hpp>
#include <vector>

namespace kvhost::plugins {

// What is sought for one KV head. Rows: the queries of its query heads, one behind the other.
struct Refit {
  at::Tensor queries;   // [rows, d]
  at::Tensor target;    // [rows, d_v] attention over all entries
  at::Tensor keys;      // [n, d] of the kept ones
  at::Tensor values;    // [n, d_v]
  at::Tensor movable;   // [n] 1: may be changed, 0: stays as it is
  double scale = 1;     // of q . k
  double weight = 1;    // of each row's squared error

  at::Tensor probabilities(const at::Tensor& at_keys) const {  // [rows, n]
    return (queries.matmul(at_keys.t()) * scale).softmax(-1);
  }
  // What the rows miss of their target, times the root of their weight.
  at::Tensor residual(const at::Tensor& at_keys, const at::Tensor& at_values) const {
    return (target - probabilities(at_keys).matmul(at_values)) * std::sqrt(weight);
  }
};

// The change of values that minimises |residual - A dV|^2 + ridge |dV|^2. [n, d_v]
inline at::Tensor value_change(const Refit& head, double ridge) {
  const at::Tensor a = head.probabilities(head.keys) * std::sqrt(head.weight) * head.movable;
  const at::Tensor gram = a.matmul(a.t()) + ridge * at::eye(a.size(0));
  return a.t().matmul(at::linalg_solve(gram, head.residual(head.keys, head.values)));
}

// The change of keys, with attention linearised around `values`: conjugate gradients on the dual.
// [n, d]
class KeyChange {
 public:
  KeyChange(const Refit& head, at::Tensor values, double ridge)
      : head_(head),
        values_(std::move(values)),
        probabilities_(head.probabilities(head.keys) * head.movable),
        outputs_(head.probabilities(head.keys).matmul(values_)),
        ridge_(ridge) {}

  at::Tensor solve(int n_steps, double tolerance) const {
    const at::Tensor wanted = head_.residual(head_.keys, values_);
    at::Tensor dual = at::zeros_like(wanted), left = wanted.clone(), along = left.clone();
    double square = left.square().sum().item<double>();
    const double enough = tolerance * tolerance * square;
    for (int step = 0; step < n_steps && square > enough; ++step) {
      const at::Tensor turned = outward(inward(along)) + ridge_ * along;
      const double length = square / (along * turned).sum().item<double>();
      dual += length * along;
      left -= length * turned;
      const double next = left.square().sum().item<double>();
      along = left + next / square * along;
      square = next;
    }
    return inward(dual);
  }

 private:
  double root() const { return std::sqrt(head_.weight) * head_.scale; }

  // What a change of keys [n, d] does to the outputs [rows, d_v].
  at::Tensor outward(const at::Tensor& change) const {
    const at::Tensor moved = probabilities_ * head_.queries.matmul(change.t());  // [rows, n]
    return (moved.matmul(values_) - moved.sum(-1, /*keepdim=*/true) * outputs_) * root();
  }
  // Its transpose.
  at::Tensor inward(const at::Tensor& rows) const {
    const at::Tensor seen =
        rows.matmul(values_.t()) - (rows * outputs_).sum(-1, /*keepdim=*/true);  // [rows, n]
    return (probabilities_ * seen).t().matmul(head_.queries) * root();
  }

  const Refit& head_;
  at::Tensor values_, probabilities_, outputs_;
  double ridge_;
};

// `change`, made shorter until it is at most `share` of what it changes, as the cache will hold it.
// Zeros where rounding keeps it longer.
inline at::Tensor capped(const at::Tensor& change,
                         const at::Tensor& base,
                         const at::Tensor& movable,
                         double share,
                         at::ScalarType held_as) {
  const double most = share * (base * movable.unsqueeze(-1)).norm().item<double>();
  const double length = change.norm().item<double>();
  at::Tensor shorter = length > most ? change * (most / length) : change;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const at::Tensor held = (base + shorter).to(held_as).to(at::kFloat) - base;
    const at::Tensor rounded = held * movable.unsqueeze(-1);
    if (rounded.norm().item<double>() <= most * (1 + 1e-6)) return rounded;
    shorter = shorter * 0.9;
  }
  return at::zeros_like(change);
}

// Whether the layer's heads are best left alone (0), with new values (1), or with new keys too (2).
inline int best_state(const std::vector<Refit>& heads,
                      const std::vector<at::Tensor>& values,
                      const std::vector<at::Tensor>& keys,
                      double penalty) {
  double loss[3] = {0, 0, 0};
  for (size_t h = 0; h < heads.size(); ++h) {
    const Refit& head = heads[h];
    const auto square = [](const at::Tensor& x) { return x.square().sum().item<double>(); };
    const at::Tensor new_values = head.values + values[h], new_keys = head.keys + keys[h];
    const double moved = penalty * square(values[h]);
    loss[0] += square(head.residual(head.keys, head.values));
    loss[1] += square(head.residual(head.keys, new_values)) + moved;
    loss[2] += square(head.residual(new_keys, new_values)) + moved + penalty * square(keys[h]);
  }
  return static_cast<int>(std::min_element(loss, loss + 3) - loss);
}

}  // namespace kvhost::plugins
