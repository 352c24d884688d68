// SPDX-License-Identifier: Apache-2.0
#include "model/reference.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "base/scalar_type.hpp"
#include "model/weights.hpp"

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
  return {split_heads(linear(layer.q, x), config.n_heads),
          split_heads(linear(layer.k, x), config.n_kv_heads),
          split_heads(linear(layer.v, x), config.n_kv_heads)};
}

struct Rotation {
  at::Tensor cos, sin;  // [S, rotary_dim]
};

Rotation rotation(const RopeConfig& rope, int64_t n_tokens, at::ScalarType dtype) {
  const at::Tensor inv_freq = at::tensor(rope.inv_freq, at::kFloat);  // [rotary_dim / 2]
  const at::Tensor angles =
      at::outer(at::arange(n_tokens, at::kFloat), inv_freq);      // [S, rotary_dim / 2]
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

at::Tensor causal(int64_t n_tokens, int64_t window) {
  const at::Tensor all = at::ones({n_tokens, n_tokens}, at::kBool);
  at::Tensor visible = all.tril();
  if (window > 0) visible = visible.logical_and(all.triu(1 - window));
  return visible.unsqueeze(0);  // -> [1, S, S]
}

// visible: bool [n_kv_heads or 1, S, S] -> [S, n_heads * head_dim]
at::Tensor attend(const ModelConfig& config, const Qkv& qkv, const at::Tensor& visible) {
  const int64_t n_tokens = qkv.q.size(1);
  const at::Tensor q =
      qkv.q.reshape({config.n_kv_heads, config.group_size(), n_tokens, config.head_dim});
  const at::Tensor k = qkv.k.unsqueeze(1), v = qkv.v.unsqueeze(1);  // [n_kv_heads, 1, S, head_dim]
  const double scale = config.score_scale();
  // [n_kv_heads, group_size, S, S]
  const at::Tensor scores = at::matmul(q, k.transpose(-1, -2)) * scale;
  const at::Tensor masked = scores.masked_fill(visible.unsqueeze(1).logical_not(), -INFINITY);
  const at::Tensor weights = at::softmax(masked, /*dim=*/-1, at::kFloat).to(q.scalar_type());
  const at::Tensor out =
      at::matmul(weights, v).reshape({config.n_heads, n_tokens, config.head_dim});
  return out.transpose(0, 1).reshape({n_tokens, -1});  // -> [S, n_heads * head_dim]
}

at::Tensor activate(Activation kind, const at::Tensor& x) {
  if (kind == Activation::Silu) return at::silu(x);
  return at::gelu(x, kind == Activation::GeluTanh ? "tanh" : "none");
}

at::Tensor mlp(const ModelConfig& config, const LayerWeights& layer, const at::Tensor& x) {
  const at::Tensor up = linear(layer.up, x);  // [S, intermediate_size]
  if (!config.gated_mlp) return linear(layer.down, activate(config.activation, up));
  return linear(layer.down, activate(config.activation, linear(layer.gate, x)) * up);
}

}  // namespace

at::Tensor reference_logits(const Weights& weights,
                            std::span<const int32_t> tokens,
                            const Visibility& visible) {
  const auto& config = weights.config();
  const auto& tensors = weights.tensors();
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  const Rotation by = rotation(config.rope, n_tokens, scalar_type(weights.dtype()));

  at::Tensor x = tensors.embedding.gather(tokens, weights.dtype());  // [S, hidden_size]
  for (int64_t i = 0; i < config.n_layers; ++i) {
    const auto& layer = tensors.layers[static_cast<size_t>(i)];
    Qkv qkv = project(config, layer, norm(config, layer.attention_norm, x));
    if (config.qk_norm) {
      qkv.q = rms_norm(layer.q_norm.weight, config.norm_eps, qkv.q);
      qkv.k = rms_norm(layer.k_norm.weight, config.norm_eps, qkv.k);
    }
    qkv.q = rotate(qkv.q, by);
    qkv.k = rotate(qkv.k, by);
    at::Tensor seen = visible ? visible(i) : at::Tensor();
    if (!seen.defined()) seen = causal(n_tokens, config.window_of(i));
    const at::Tensor attention = linear(layer.output, attend(config, qkv, seen));
    const at::Tensor residual = x + attention;
    x = residual +
        mlp(config, layer, norm(config, layer.mlp_norm, config.parallel_residual ? x : residual));
  }
  return at::matmul(norm(config, tensors.final_norm, x), numbers(tensors.lm_head, x).t());  // [S, vocab_size]
}

}  // namespace kvhost
