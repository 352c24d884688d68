// SPDX-License-Identifier: Apache-2.0
#include "model/reference_layer.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "base/scalar_type.hpp"
#include "model/activation.hpp"
#include "model/reference_experts.hpp"

namespace kvhost {

namespace {

struct Qkv {
  at::Tensor q;     // [n_heads, S, head_dim]
  at::Tensor k, v;  // [n_kv_heads, S, head_dim]
};

at::Tensor numbers(const Matrix& matrix, const at::Tensor& x) {
  if (!matrix.quantised()) return matrix.dense();
  return matrix.numbers(x.scalar_type() == at::kFloat  ? DType::Float32
                        : x.scalar_type() == at::kHalf ? DType::Float16
                                                       : DType::BFloat16);
}

at::Tensor linear(const Linear& layer, const at::Tensor& x) {
  const at::Tensor out = at::matmul(x, numbers(layer.weight, x).t());  // [S, n_out]
  return layer.bias.defined() ? out + layer.bias : out;
}

// Statistics in float32, as transformers does; x: [..., n].
at::Tensor rms_norm(const at::Tensor& weight, double eps, const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kFloat);
  // [..., 1]
  const at::Tensor scale = at::rsqrt(wide.pow(2).mean(/*dim=*/-1, /*keepdim=*/true) + eps);
  return (wide * scale * weight).to(x.scalar_type());
}

at::Tensor norm(const ModelConfig& config, const Norm& weights, const at::Tensor& x) {
  if (!weights.weight.defined()) return x;
  if (config.norm == NormKind::Rms) return rms_norm(weights.weight, config.norm_eps, x);
  return at::layer_norm(x, {x.size(-1)}, weights.weight, weights.bias, config.norm_eps);
}

at::Tensor split_heads(const at::Tensor& x, int64_t n_heads) {
  return x.reshape({x.size(0), n_heads, -1}).transpose(0, 1);  // -> [n_heads, S, head_dim]
}

Qkv project(const ModelConfig& config, const LayerWeights& layer, const at::Tensor& x) {
  if (layer.qkv.weight.defined()) {
    const auto parts = split_heads(linear(layer.qkv, x), config.n_heads).chunk(3, /*dim=*/-1);
    return {parts[0], parts[1], parts[2]};
  }
  at::Tensor q = linear(layer.q, x), k = linear(layer.k, x);  // [S, heads * head_dim]
  if (config.qk_norm == QkNorm::Projections) {
    q = rms_norm(layer.q_norm.weight, config.norm_eps, q);
    k = rms_norm(layer.k_norm.weight, config.norm_eps, k);
  }
  return {split_heads(q, config.n_heads),
          split_heads(k, config.n_kv_heads),
          split_heads(linear(layer.v, x), config.n_kv_heads)};
}

struct Rotation {
  at::Tensor cos, sin;  // [S, rotary_dim]
};

Rotation rotation(const RopeConfig& rope,
                  const ReferencePlace& place,
                  int64_t n_tokens,
                  at::ScalarType dtype) {
  // [rotary_dim / 2]
  const at::Tensor inv_freq = at::tensor(rope.frequencies(place.n_first), at::kFloat);
  const at::Tensor positions =
      at::arange(place.first_position, place.first_position + n_tokens, at::kFloat);
  const at::Tensor angles = at::outer(positions, inv_freq);       // [S, rotary_dim / 2]
  const at::Tensor both = at::cat({angles, angles}, /*dim=*/-1);  // [S, rotary_dim]
  return {(both.cos() * rope.attention_scaling).to(dtype),
          (both.sin() * rope.attention_scaling).to(dtype)};
}

// Rotates the first rotary_dim of x [heads, S, head_dim]; dimension i turns with i + rotary_dim
// / 2.
at::Tensor rotate(const at::Tensor& x, const Rotation& by) {
  const int64_t dim = by.cos.size(-1);
  const at::Tensor turned = x.narrow(-1, 0, dim), rest = x.narrow(-1, dim, x.size(-1) - dim);
  const auto halves = turned.chunk(2, /*dim=*/-1);
  const at::Tensor crossed = at::cat({-halves[1], halves[0]}, /*dim=*/-1);
  return at::cat({turned * by.cos + crossed * by.sin, rest}, /*dim=*/-1);
}

// Queries and keys as attention reads them.
void normalise_and_rotate(const ModelConfig& config,
                          const LayerWeights& weights,
                          const ReferencePlace& place,
                          int64_t layer,
                          Qkv& qkv) {
  if (config.qk_norm == QkNorm::Heads) {
    qkv.q = rms_norm(weights.q_norm.weight, config.norm_eps, qkv.q);
    qkv.k = rms_norm(weights.k_norm.weight, config.norm_eps, qkv.k);
  }
  const int64_t n_tokens = qkv.q.size(1);
  if (const RopeConfig* rope = config.rope_of(layer)) {
    const Rotation by = rotation(*rope, place, n_tokens, qkv.q.scalar_type());
    qkv.q = rotate(qkv.q, by);
    qkv.k = rotate(qkv.k, by);
  }
  if (config.query_growth == 0) return;
  std::vector<float> scales;  // [S]
  for (int64_t t = 0; t < n_tokens; ++t)
    scales.push_back(config.query_scale(place.first_position + t));
  qkv.q = qkv.q * at::tensor(scales, at::kFloat).to(qkv.q.scalar_type()).unsqueeze(-1);
}

at::Tensor softcapped(const at::Tensor& x, double cap) { return (x / cap).tanh() * cap; }

// Softmax over each row and its head's sink, whose weight goes to no entry. sinks: [n_heads] or
// undefined; scores: [n_kv_heads, group_size, S, n].
at::Tensor softmax_beside(const at::Tensor& sinks, const at::Tensor& scores) {
  if (!sinks.defined()) return at::softmax(scores, /*dim=*/-1, at::kFloat);
  const at::Tensor column = sinks.view({scores.size(0), scores.size(1), 1, 1})
                                .expand({-1, -1, scores.size(2), 1});  // -> [.., .., S, 1]
  const at::Tensor all = at::cat({scores.to(at::kFloat), column}, /*dim=*/-1);
  return at::softmax(all, /*dim=*/-1).narrow(/*dim=*/-1, 0, scores.size(3));
}

// -> [S, n_heads * head_dim]
at::Tensor attend(const ModelConfig& config,
                  const Qkv& qkv,
                  const at::Tensor& sinks,
                  const ReferencePlace& place) {
  const int64_t n_tokens = qkv.q.size(1);
  const at::Tensor q =
      qkv.q.reshape({config.n_kv_heads, config.group_size(), n_tokens, config.head_dim});
  const auto behind = [](const at::Tensor& past, const at::Tensor& own) {
    return (past.defined() ? at::cat({past, own}, /*dim=*/1) : own).unsqueeze(1);
  };
  // [n_kv_heads, 1, n, head_dim]
  const at::Tensor k = behind(place.past_keys, qkv.k), v = behind(place.past_values, qkv.v);
  // [n_kv_heads, group_size, S, n]
  at::Tensor scores = at::matmul(q, k.transpose(-1, -2)) * config.score_scale();
  if (config.attention_softcap > 0) scores = softcapped(scores, config.attention_softcap);
  const at::Tensor visible = place.visible.unsqueeze(1);
  const at::Tensor masked = visible.scalar_type() == at::kBool
                                ? scores.masked_fill(visible.logical_not(), -INFINITY)
                                : scores + visible;
  const at::Tensor weights = softmax_beside(sinks, masked).to(q.scalar_type());
  const at::Tensor out =
      at::matmul(weights, v).reshape({config.n_heads, n_tokens, config.head_dim});
  return out.transpose(0, 1).reshape({n_tokens, -1});  // -> [S, n_heads * head_dim]
}

// Of layers without experts, and the expert that all tokens share.
at::Tensor dense_mlp(const ModelConfig& config, const LayerWeights& layer, const at::Tensor& x) {
  const at::Tensor up = linear(layer.up, x);  // [S, intermediate_size]
  if (!config.gated_mlp) return linear(layer.down, activate(config.activation, up));
  return linear(layer.down, activate(config.activation, linear(layer.gate, x)) * up);
}

at::Tensor mlp(const ModelConfig& config, const LayerWeights& layer, const at::Tensor& x) {
  const ExpertWeights& experts = layer.experts;
  if (!experts.router.weight.defined()) return dense_mlp(config, layer, x);
  const at::Tensor out = reference_experts(config, experts, x, linear);  // [S, hidden_size]
  if (!experts.shared_gate.defined()) return out;
  const at::Tensor share = at::sigmoid(linear({experts.shared_gate, {}}, x));  // [S, 1]
  return out + share * dense_mlp(config, layer, x);
}

}  // namespace

at::Tensor reference_layer(const Weights& weights,
                           int64_t index,
                           const ReferencePlace& place,
                           const at::Tensor& x,
                           at::Tensor* attended) {
  const auto& config = weights.config();
  const auto& layer = weights.tensors().layers[static_cast<size_t>(index)];
  Qkv qkv = project(config, layer, norm(config, layer.attention_norm, x));
  normalise_and_rotate(config, layer, place, index, qkv);
  const at::Tensor attention = linear(layer.output, attend(config, qkv, layer.sinks, place));
  if (attended) *attended = attention;
  const at::Tensor residual =
      x + norm(config, layer.attention_post_norm, attention) * config.residual_scale;
  const at::Tensor inner =
      mlp(config, layer, norm(config, layer.mlp_norm, config.parallel_residual ? x : residual));
  return residual + norm(config, layer.mlp_post_norm, inner) * config.residual_scale;
}

at::Tensor reference_embedding(const Weights& weights, std::span<const int32_t> tokens) {
  return weights.tensors().embedding.gather(tokens, weights.dtype()) *
         weights.config().embedding_factor(weights.dtype());
}

at::Tensor reference_read_out(const Weights& weights, const at::Tensor& x) {
  const auto& config = weights.config();
  const at::Tensor last = norm(config, weights.tensors().final_norm, x);
  const at::Tensor logits =
      at::matmul(last, numbers(weights.tensors().lm_head, x).t()) / config.logit_divisor;
  return config.logit_softcap > 0 ? softcapped(logits, config.logit_softcap) : logits;
}

}  // namespace kvhost
