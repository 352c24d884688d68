// SPDX-License-Identifier: Apache-2.0
#include "model/layer_pass.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

#include "model/chunk_attention.hpp"
#include "model/linear.hpp"
#include "kernels/row_kernels.hpp"

namespace kvhost {

namespace {

// Large enough for the matrix products to run at full speed, small enough that scratch stays small.
constexpr int64_t kChunkTokens = 512;

int64_t window_of(int64_t asked, int64_t n_tokens) {
  return asked < 0 ? n_tokens : std::min(asked, n_tokens);
}

// Copies the part of a chunk's rows (dimension `dim` of `from`) that lies in the last W tokens, W =
// window.size(dim).
void keep_last(
    const at::Tensor& from, int64_t dim, int64_t first, int64_t n_tokens, at::Tensor& window) {
  const int64_t start = n_tokens - window.size(dim);  // first token of the window
  const int64_t begin = std::max(start, first), end = first + from.size(dim);
  if (begin >= end) return;
  window.narrow(dim, begin - start, end - begin)
      .copy_(from.narrow(dim, begin - first, end - begin));
}

PlaceArgs place_args(
    DType dtype,
    const at::Tensor& heads) {  // heads: [n, heads, head_dim], any strides but the last
  PlaceArgs args;
  args.dtype = dtype;
  args.n_tokens = heads.size(0);
  args.n_heads = heads.size(1);
  args.head_dim = heads.size(2);
  args.from = heads.const_data_ptr();
  args.token_stride = heads.stride(0);
  args.head_stride = heads.stride(1);
  return args;
}

at::Tensor activate(Activation kind, const at::Tensor& x) {
  if (kind == Activation::Silu) return at::silu(x);
  return at::gelu(x, kind == Activation::GeluTanh ? "tanh" : "none");
}

}  // namespace

at::Tensor apply_norm(const ModelConfig& config,
                      DType dtype,
                      const Norm& weights,
                      const at::Tensor& x) {
  if (config.norm == NormKind::Layer)
    return at::layer_norm(x, {x.size(1)}, weights.weight, weights.bias, config.norm_eps);
  at::Tensor out = at::empty(x.sizes(), x.options());
  RmsNormArgs args;
  args.dtype = dtype;
  args.x = x.const_data_ptr();
  args.weight = weights.weight.const_data_ptr();
  args.out = out.mutable_data_ptr();
  args.n_rows = x.size(0);
  args.n = x.size(1);
  args.eps = static_cast<float>(config.norm_eps);
  rms_norm_rows(args);
  return out;
}

LayerPass::LayerPass(const ForwardFrame& frame, int64_t layer, KvCache& cache)
    : frame_(frame),
      config_(frame.weights.config()),
      weights_(frame.weights.tensors().layers[static_cast<size_t>(layer)]),
      dtype_(frame.weights.dtype()),
      layer_(layer),
      cache_(cache),
      first_entry_(cache.append(layer, frame.n_tokens, frame.first_position)) {
  const auto options = frame.weights.tensors().embedding.options();
  const int64_t n_queries = window_of(frame.capture.query_window, frame.n_tokens);
  const int64_t n_hidden = window_of(frame.capture.hidden_window, frame.n_tokens);
  if (n_queries > 0) queries_ = at::empty({config_.n_heads, n_queries, config_.head_dim}, options);
  if (n_hidden > 0) hidden_ = at::empty({n_hidden, config_.hidden_size}, options);
}

void LayerPass::run(at::Tensor& x, const std::function<void(int64_t)>& chunk_done) {
  for (int64_t first = 0; first < frame_.n_tokens; first += kChunkTokens) {
    const Chunk chunk{first, std::min(kChunkTokens, frame_.n_tokens - first)};
    run_chunk(chunk, x.narrow(0, chunk.first, chunk.n));
    if (chunk_done) chunk_done(chunk.first + chunk.n);
  }
}

LayerCapture LayerPass::captured() const {
  LayerCapture capture;
  if (queries_.defined()) capture.queries = &queries_;
  if (hidden_.defined()) capture.hidden = &hidden_;
  return capture;
}

void LayerPass::run_chunk(const Chunk& chunk, const at::Tensor& x) {
  const at::Tensor attended = attention(chunk, norm(weights_.attention_norm, x));
  if (config_.parallel_residual) {
    const at::Tensor inner = mlp(norm(weights_.mlp_norm, x));
    x.add_(attended).add_(inner);
  } else {
    x.add_(attended);
    x.add_(mlp(norm(weights_.mlp_norm, x)));
  }
}

at::Tensor LayerPass::attention(const Chunk& chunk, const at::Tensor& normed) {
  if (hidden_.defined()) keep_last(normed, 0, chunk.first, frame_.n_tokens, hidden_);
  const at::Tensor queries = place_qkv(chunk, normed);
  if (queries_.defined()) keep_last(queries, 1, chunk.first, frame_.n_tokens, queries_);
  return apply_linear(dtype_, weights_.output, attend(chunk, queries));
}

at::Tensor LayerPass::place_qkv(const Chunk& chunk, const at::Tensor& normed) {
  at::Tensor q, k, v;  // [n, heads, head_dim]
  if (weights_.qkv.weight.defined()) {
    const at::Tensor both = apply_linear(dtype_, weights_.qkv, normed);
    const auto parts = both.view({chunk.n, config_.n_heads, 3, config_.head_dim}).unbind(/*dim=*/2);
    q = parts[0], k = parts[1], v = parts[2];
  } else {
    const auto parts = apply_linears(dtype_, {&weights_.q, &weights_.k, &weights_.v}, normed);
    q = parts[0].view({chunk.n, config_.n_heads, config_.head_dim});
    k = parts[1].view({chunk.n, config_.n_kv_heads, config_.head_dim});
    v = parts[2].view({chunk.n, config_.n_kv_heads, config_.head_dim});
  }

  at::Tensor queries = at::empty({config_.n_heads, chunk.n, config_.head_dim}, q.options());
  std::vector<void*> q_rows, k_rows, v_rows;  // where each head's rows of this chunk begin
  const int64_t row_bytes = config_.head_dim * element_size(dtype_);
  for (int64_t h = 0; h < config_.n_heads; ++h)
    q_rows.push_back(static_cast<char*>(queries.mutable_data_ptr()) + h * chunk.n * row_bytes);
  for (int64_t h = 0; h < config_.n_kv_heads; ++h) {
    const HeadSpan head = cache_.head(layer_, h);
    const int64_t entry = first_entry_[static_cast<size_t>(h)] + chunk.first;
    k_rows.push_back(static_cast<char*>(head.keys) + (entry - head.pruned.n) * row_bytes);
    v_rows.push_back(static_cast<char*>(head.values) + entry * row_bytes);
  }

  const auto rotated = [&](const at::Tensor& heads, const Norm& head_norm) {
    PlaceArgs args = place_args(dtype_, heads);
    args.norm_weight = config_.qk_norm ? head_norm.weight.const_data_ptr() : nullptr;
    args.norm_eps = static_cast<float>(config_.norm_eps);
    args.cos = frame_.rotary.cos(chunk.first);
    args.sin = frame_.rotary.sin(chunk.first);
    args.rotary_half = frame_.rotary.half();
    return args;
  };
  place_heads(rotated(q, weights_.q_norm), q_rows.data());
  place_heads(rotated(k, weights_.k_norm), k_rows.data());
  place_heads(place_args(dtype_, v), v_rows.data());
  return queries;
}

at::Tensor LayerPass::attend(const Chunk& chunk, const at::Tensor& queries) {
  ChunkAttention call;
  call.shape.n_heads = config_.n_heads;
  call.shape.n_kv_heads = config_.n_kv_heads;
  call.shape.head_dim = config_.head_dim;
  call.shape.q_len = chunk.n;
  call.shape.sliding_window = config_.sliding_window[static_cast<size_t>(layer_)];
  call.shape.scale = 1 / std::sqrt(static_cast<float>(config_.head_dim));
  call.shape.dtype = dtype_;
  call.first_position = frame_.first_position + chunk.first;
  for (int64_t h = 0; h < config_.n_kv_heads; ++h) {
    call.heads.push_back(cache_.head(layer_, h));
    call.heads.back().n = first_entry_[static_cast<size_t>(h)] + chunk.first + chunk.n;
  }
  return chunk_attention(call, queries);
}

at::Tensor LayerPass::mlp(const at::Tensor& normed) const {
  if (!config_.gated_mlp) {
    const at::Tensor up = apply_linear(dtype_, weights_.up, normed);
    return apply_linear(dtype_, weights_.down, activate(config_.activation, up));
  }
  const auto both = apply_linears(dtype_, {&weights_.gate, &weights_.up}, normed);
  return apply_linear(dtype_, weights_.down, activate(config_.activation, both[0]).mul_(both[1]));
}

at::Tensor LayerPass::norm(const Norm& weights, const at::Tensor& x) const {
  return apply_norm(config_, dtype_, weights, x);
}

}  // namespace kvhost
