// SPDX-License-Identifier: Apache-2.0
#include "model/layer_pass.hpp"

#include <ATen/Functions.h>

#include <algorithm>

#include "base/scalar_type.hpp"
#include "model/activation.hpp"
#include "model/chunk_attention.hpp"
#include "model/experts.hpp"
#include "model/linear.hpp"

namespace kvhost {

namespace {

// Large enough for the matrix products to run at full speed, small enough that scratch stays small.
constexpr int64_t kChunkTokens = 512;

int64_t window_of(int64_t asked, int64_t n_tokens) {
  return asked < 0 ? n_tokens : std::min(asked, n_tokens);
}

// Copies what of the rows `first`.. (dimension `dim` of `from`) lies in the last W of n_tokens, W =
// window.size(dim).
void keep_last(
    const at::Tensor& from, int64_t dim, int64_t first, int64_t n_tokens, at::Tensor& window) {
  const int64_t start = n_tokens - window.size(dim);  // first token of the window
  const int64_t begin = std::max(start, first), end = first + from.size(dim);
  if (begin >= end) return;
  window.narrow(dim, begin - start, end - begin)
      .copy_(from.narrow(dim, begin - first, end - begin));
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
  args.weight = weights.weight.const_data_ptr<float>();
  args.out = out.mutable_data_ptr();
  args.n_rows = x.size(0);
  args.n = x.size(1);
  args.eps = static_cast<float>(config.norm_eps);
  rms_norm_rows(args);
  return out;
}

LayerPass::LayerPass(const Weights& weights,
                     const std::vector<StretchRows>& stretches,
                     int64_t layer)
    : stretches_(stretches),
      config_(weights.config()),
      weights_(weights.tensors().layers[static_cast<size_t>(layer)]),
      dtype_(weights.dtype()),
      layer_(layer) {
  const auto options = at::TensorOptions().dtype(scalar_type(weights.dtype()));
  for (const auto& stretch : stretches) {
    Output out;
    out.first_entry = stretch.cache->append(layer, stretch.n_tokens, stretch.first_position);
    const int64_t n_queries = window_of(stretch.capture->query_window, stretch.n_tokens);
    const int64_t n_hidden = window_of(stretch.capture->hidden_window, stretch.n_tokens);
    if (n_queries > 0)
      out.queries = at::empty({config_.n_heads, n_queries, config_.head_dim}, options);
    if (n_hidden > 0) out.hidden = at::empty({n_hidden, config_.hidden_size}, options);
    if (!stretch.capture->query_spreads.empty() && n_queries < stretch.n_tokens) {
      out.spread.tokens = spread_tokens(stretch.capture->query_spreads, stretch.n_tokens);
      out.spread.rows = at::empty(
          {config_.n_heads, std::ssize(out.spread.tokens), config_.head_dim}, options);
    }
    out_.push_back(std::move(out));
  }
}

void LayerPass::run(at::Tensor& x, const std::function<void(int64_t)>& chunk_done) {
  const int64_t n_rows = x.size(0);
  for (int64_t first = 0; first < n_rows; first += kChunkTokens) {
    const int64_t n = std::min(kChunkTokens, n_rows - first);
    // A generated token is one chunk: no view is made for it.
    run_chunk(parts_of(first, n), n == n_rows ? x : x.narrow(0, first, n));
    if (chunk_done) chunk_done(first + n);
  }
}

LayerCapture LayerPass::captured(size_t stretch) const {
  LayerCapture capture;
  if (out_[stretch].queries.defined()) capture.queries = &out_[stretch].queries;
  if (out_[stretch].hidden.defined()) capture.hidden = &out_[stretch].hidden;
  if (out_[stretch].spread.rows.defined()) capture.spread = &out_[stretch].spread;
  return capture;
}

std::vector<LayerPass::Part> LayerPass::parts_of(int64_t first_row, int64_t n_rows) const {
  std::vector<Part> parts;
  for (size_t i = 0; i < stretches_.size(); ++i) {
    const auto& stretch = stretches_[i];
    const int64_t begin = std::max(first_row, stretch.first_row);
    const int64_t end = std::min(first_row + n_rows, stretch.first_row + stretch.n_tokens);
    if (begin < end)
      parts.push_back({i, begin - stretch.first_row, end - begin, begin - first_row});
  }
  return parts;
}

void LayerPass::run_chunk(const std::vector<Part>& parts, const at::Tensor& x) {
  const at::Tensor attended = attention(parts, norm(weights_.attention_norm, x));
  if (config_.parallel_residual) {
    const at::Tensor inner = mlp(norm(weights_.mlp_norm, x));
    x.add_(attended).add_(inner);
  } else {
    add(attended, weights_.attention_post_norm, x);
    add(mlp(norm(weights_.mlp_norm, x)), weights_.mlp_post_norm, x);
  }
}

at::Tensor LayerPass::attention(const std::vector<Part>& parts, const at::Tensor& normed) {
  const Projected qkv = project(normed);
  at::Tensor seen;  // [n, n_heads * head_dim]
  if (parts.size() > 1)
    seen = at::empty({normed.size(0), config_.n_heads * config_.head_dim}, normed.options());
  for (const Part& part : parts) {
    Output& out = out_[part.stretch];
    const int64_t n_tokens = stretches_[part.stretch].n_tokens;
    if (out.hidden.defined())
      keep_last(normed.narrow(0, part.row, part.n), 0, part.first, n_tokens, out.hidden);
    const at::Tensor queries = place(part, qkv);
    if (out.queries.defined()) keep_last(queries, 1, part.first, n_tokens, out.queries);
    if (out.spread.rows.defined()) keep_spread(queries, part.first, out.spread);
    const at::Tensor rows = attend(part, queries);
    if (parts.size() > 1)
      seen.narrow(0, part.row, part.n).copy_(rows);
    else
      seen = rows;
  }
  at::Tensor out = apply_linear(dtype_, weights_.output, seen);
  change(ChangedRole::Output, seen, out);
  return out;
}

LayerPass::Projected LayerPass::project(const at::Tensor& normed) const {
  const int64_t dim = config_.head_dim, n_heads = config_.n_heads, n_kv = config_.n_kv_heads;
  if (weights_.qkv.weight.defined()) {  // each head's three side by side
    const at::Tensor all = apply_linear(dtype_, weights_.qkv, normed);
    const auto third = [&](int64_t i) {
      return Heads{all, n_heads, i * dim, 3 * n_heads * dim, 3 * dim};
    };
    return {third(0), third(1), third(2)};
  }
  auto parts = apply_linears(dtype_, {&weights_.q, &weights_.k, &weights_.v}, normed);
  change(ChangedRole::Query, normed, parts[0]);
  change(ChangedRole::Key, normed, parts[1]);
  change(ChangedRole::Value, normed, parts[2]);
  if (config_.qk_norm == QkNorm::Projections) {
    parts[0] = norm(weights_.q_norm, parts[0]);
    parts[1] = norm(weights_.k_norm, parts[1]);
  }
  return {{parts[0], n_heads, 0, n_heads * dim, dim},
          {parts[1], n_kv, 0, n_kv * dim, dim},
          {parts[2], n_kv, 0, n_kv * dim, dim}};
}

LayerPass::Places LayerPass::places(const Part& part, const at::Tensor& queries) const {
  Places to;
  const int64_t row_bytes = config_.head_dim * element_size(dtype_);
  for (int64_t h = 0; h < config_.n_heads; ++h)
    to.queries.push_back(static_cast<char*>(queries.mutable_data_ptr()) + h * part.n * row_bytes);
  for (int64_t h = 0; h < config_.n_kv_heads; ++h) {
    const HeadSpan head = stretches_[part.stretch].cache->head(layer_, h);
    const int64_t entry = out_[part.stretch].first_entry[static_cast<size_t>(h)] + part.first;
    to.keys.push_back(static_cast<char*>(head.keys) + (entry - head.pruned.n) * row_bytes);
    to.values.push_back(static_cast<char*>(head.values) + entry * row_bytes);
  }
  return to;
}

PlaceArgs LayerPass::place_args(const Part& part, const Heads& heads) const {
  PlaceArgs args;
  args.dtype = dtype_;
  args.n_tokens = part.n;
  args.n_heads = heads.n_heads;
  args.head_dim = config_.head_dim;
  args.token_stride = heads.token_stride;
  args.head_stride = heads.head_stride;
  args.from = static_cast<const char*>(heads.rows.const_data_ptr()) +
              (heads.first + part.row * heads.token_stride) * element_size(dtype_);
  return args;
}

at::Tensor LayerPass::place(const Part& part, const Projected& qkv) const {
  const at::Tensor queries =
      at::empty({config_.n_heads, part.n, config_.head_dim}, qkv.queries.rows.options());
  const Places to = places(part, queries);
  const PositionTables& positions = stretches_[part.stretch].positions;
  const RotaryTable* rotary = positions.rotary(config_, layer_);
  const auto rotated = [&](const Heads& heads, const Norm& head_norm) {
    PlaceArgs args = place_args(part, heads);
    if (config_.qk_norm == QkNorm::Heads)
      args.norm_weight = head_norm.weight.const_data_ptr<float>();
    args.norm_eps = static_cast<float>(config_.norm_eps);
    if (!rotary) return args;
    args.cos = rotary->cos(part.first);
    args.sin = rotary->sin(part.first);
    args.rotary_half = rotary->half();
    return args;
  };
  PlaceArgs queries_args = rotated(qkv.queries, weights_.q_norm);
  queries_args.token_scale = positions.query_scale(part.first);
  place_heads(queries_args, to.queries.data());
  place_heads(rotated(qkv.keys, weights_.k_norm), to.keys.data());
  place_heads(place_args(part, qkv.values), to.values.data());
  return queries;
}

at::Tensor LayerPass::attend(const Part& part, const at::Tensor& queries) const {
  const StretchRows& stretch = stretches_[part.stretch];
  ChunkAttention call;
  call.shape.n_heads = config_.n_heads;
  call.shape.n_kv_heads = config_.n_kv_heads;
  call.shape.head_dim = config_.head_dim;
  call.shape.q_len = part.n;
  call.shape.sliding_window = config_.window_of(layer_);
  call.shape.scale = static_cast<float>(config_.score_scale());
  call.shape.softcap = static_cast<float>(config_.attention_softcap);
  if (weights_.sinks.defined()) call.shape.sinks = weights_.sinks.const_data_ptr<float>();
  call.shape.dtype = dtype_;
  call.first_position = stretch.first_position + part.first;
  for (int64_t h = 0; h < config_.n_kv_heads; ++h) {
    call.heads.push_back(stretch.cache->head(layer_, h));
    call.heads.back().n =
        out_[part.stretch].first_entry[static_cast<size_t>(h)] + part.first + part.n;
  }
  return chunk_attention(call, queries);
}

at::Tensor LayerPass::mlp(const at::Tensor& normed) const {
  if (!config_.experts.in(layer_)) return dense_mlp(normed);
  const ExpertWeights& experts = weights_.experts;
  at::Tensor out = apply_experts(config_, dtype_, experts, normed);
  if (!experts.shared_gate.defined()) return out;
  return out.add_(dense_mlp(normed).mul_(shared_expert_share(dtype_, experts, normed)));
}

at::Tensor LayerPass::dense_mlp(const at::Tensor& normed) const {
  at::Tensor inner;  // [n, intermediate]
  if (!config_.gated_mlp) {
    at::Tensor up = apply_linear(dtype_, weights_.up, normed);
    change(ChangedRole::Up, normed, up);
    inner = activate(config_.activation, up);
  } else {
    auto both = apply_linears(dtype_, {&weights_.gate, &weights_.up}, normed);
    change(ChangedRole::Gate, normed, both[0]);
    change(ChangedRole::Up, normed, both[1]);
    inner = activate(config_.activation, both[0]).mul_(both[1]);
  }
  at::Tensor out = apply_linear(dtype_, weights_.down, inner);
  change(ChangedRole::Down, inner, out);
  return out;
}

void LayerPass::change(ChangedRole role, const at::Tensor& x, at::Tensor& out) const {
  const LowRankChanges* changes = stretches_.front().changes;
  if (changes) add_low_rank(changes->layers[static_cast<size_t>(layer_)].of(role), x, out);
}

at::Tensor LayerPass::norm(const Norm& weights, const at::Tensor& x) const {
  return weights.weight.defined() ? apply_norm(config_, dtype_, weights, x) : x;
}

void LayerPass::add(const at::Tensor& output, const Norm& post_norm, const at::Tensor& x) const {
  x.add_(norm(post_norm, output), config_.residual_scale);
}

}  // namespace kvhost
