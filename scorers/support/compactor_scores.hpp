// SPDX-License-Identifier: Apache-2.0
// The two halves of Compactor (arXiv:2507.08143): leverage of keys before rotation, and attention
// that looks both ways inside chunks. Each takes a range of the prompt's tokens.
#pragma once

#include "linear_algebra.hpp"
#include "sketch.hpp"

namespace kvhost::scorers {

// Tokens [begin, end) of a prompt that the cache holds in full.
struct TokenRange {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

// [throws] KVH_E_UNSUPPORTED when something was evicted already.
inline void require_whole_prompt(const sdk::Layer& layer) {
  for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
    if (layer.head(h).n_entries() == layer.n_seen()) continue;
    throw sdk::Error(KVH_E_UNSUPPORTED,
                     "",
                     "head " + std::to_string(h) + " holds " +
                         std::to_string(layer.head(h).n_entries()) + " of " +
                         std::to_string(layer.n_seen()) +
                         " tokens, the others went with a sliding window or an earlier part of the "
                         "composition; expected all of them");
  }
}

// [n, d] keys of one head, rotation undone.
inline at::Tensor keys_before_rotation(const sdk::Head& head,
                                       TokenRange tokens,
                                       const sdk::RopeTable& rope) {
  const sdk::Matrix keys = head.keys();
  at::Tensor rows = at::empty({tokens.size(), keys.cols()}, at::kFloat);
  std::vector<float> scratch;
  for (int64_t i = 0; i < tokens.size(); ++i) {
    const int64_t t = tokens.begin + i;
    rope.unrotate(keys.row(t, scratch),
                  keys.cols(),
                  head.position(t),
                  rows.data_ptr<float>() + i * keys.cols());
  }
  return rows;
}

// [n] x^T (X^T X + c I)^-1 x; c is raised where X^T X is too close to singular. X: [n, k]
inline at::Tensor leverage(const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor gram = wide.t().matmul(wide);
  const at::Tensor identity = at::eye(x.size(1), at::kDouble);
  for (double c = 1e-2; c < 1e3; c *= 10) {
    const at::Tensor scores = inverse_quadratic_forms(wide, gram + c * identity);
    if (scores.defined()) return scores.to(at::kFloat);
  }
  throw sdk::Error(KVH_E_INTERNAL, "", "keys whose Gram matrix has no Cholesky factor");
}

// -> [n_kv_heads, n] z-scores. phi: [n_kv_heads, d, k] standard normal.
inline std::vector<float> leverage_scores(const sdk::Layer& layer,
                                          TokenRange tokens,
                                          const std::vector<float>& phi,
                                          int64_t k) {
  const int64_t d = layer.head_dim(), n = tokens.size();
  const sdk::RopeTable rope(layer, tokens.begin, n);
  std::vector<float> out(static_cast<size_t>(layer.n_kv_heads() * n));
  sdk::for_each_head(layer, [&](int32_t h) {
    layer.check_cancelled();
    const at::Tensor projection =
        at::from_blob(const_cast<float*>(phi.data()) + h * d * k, {d, k}, at::kFloat) /
        std::sqrt(static_cast<double>(k));
    at::Tensor keys = keys_before_rotation(layer.head(h), tokens, rope);  // [n, d]
    keys -= keys.mean(/*dim=*/0);
    const at::Tensor scores = leverage(keys.matmul(projection)).contiguous();
    std::copy_n(scores.data_ptr<float>(), n, out.begin() + h * n);
  });
  z_score(out);
  return out;
}

struct NonCausalSettings {
  int64_t chunk_size;
  bool kvpress_rule;  // no 1/sqrt(d), and the last chunk padded with zeros that take part
};

// [c] attention that the tokens of one chunk receive from one query head. q, k: [c, d]
inline at::Tensor received_in_chunk(const at::Tensor& q,
                                    const at::Tensor& k,
                                    const NonCausalSettings& settings) {
  const int64_t c = q.size(0), padding = settings.chunk_size - c;
  at::Tensor logits = q.matmul(k.t());  // [c, c]
  if (!settings.kvpress_rule) {
    logits *= 1 / std::sqrt(static_cast<double>(q.size(1)));
  } else if (padding > 0) {
    logits = at::constant_pad_nd(logits, {0, padding, 0, padding});
  }
  return logits.softmax(/*dim=*/1).sum(/*dim=*/0).narrow(/*dim=*/0, 0, c);
}

// -> [n_kv_heads, n] z-scores of pooled attention times value norm.
inline std::vector<float> non_causal_scores(const sdk::Layer& layer,
                                            TokenRange tokens,
                                            const NonCausalSettings& settings) {
  const at::Tensor queries = sdk::as_tensor(layer.get(KVH_T_QUERY_WINDOW));  // [n_heads, T, d]
  const int64_t n = tokens.size(), c = settings.chunk_size, n_chunks = (n + c - 1) / c;
  const int32_t group = layer.group_size();
  std::vector<float> raw(static_cast<size_t>(layer.n_kv_heads() * n)), out(raw);
  sdk::parallel_for(layer, layer.n_kv_heads() * n_chunks, [&](int64_t from, int64_t to) {
    for (int64_t task = from; task < to; ++task) {
      layer.check_cancelled();
      const int64_t h = task / n_chunks, first = task % n_chunks * c;
      const int64_t rows = std::min(c, n - first), t = tokens.begin + first;
      const sdk::Head head = layer.head(static_cast<int32_t>(h));
      const auto slice = [&](const at::Tensor& all) {
        return all.narrow(/*dim=*/0, t, rows).to(at::kFloat);
      };
      const at::Tensor keys = slice(sdk::as_tensor(head.keys().raw()));  // [rows, d]
      at::Tensor sum = at::zeros({rows}, at::kFloat);
      for (int32_t g = 0; g < group; ++g) {
        sum += received_in_chunk(slice(queries[h * group + g]), keys, settings);
      }
      sum *= slice(sdk::as_tensor(head.values().raw())).norm(/*p=*/2, /*dim=*/1) / group;
      std::copy_n(sum.contiguous().data_ptr<float>(), rows, raw.begin() + h * n + first);
    }
  });
  for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
    sdk::average_pool(raw.data() + h * n, n, /*kernel=*/3, out.data() + h * n);
  }
  z_score(out);
  return out;
}

}  // namespace kvhost::scorers
