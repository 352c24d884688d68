// SPDX-License-Identifier: Apache-2.0
#include "method/dense_attention.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "kernels/attention.hpp"
#include "method/host_services.hpp"

namespace kvhost {
namespace {

DType cache_dtype(const kvh_dtype& dtype) {
  if (dtype.code == KVH_DTYPE_BFLOAT) return DType::BFloat16;
  return dtype.bits == 16 ? DType::Float16 : DType::Float32;
}

AttentionShape shape_of(const LayerInputs& inputs, int64_t rows) {
  const kvh_model& model = *inputs.model;
  AttentionShape shape;
  shape.n_heads = model.n_heads;
  shape.n_kv_heads = model.n_kv_heads;
  shape.head_dim = model.head_dim;
  shape.q_len = rows;
  shape.sliding_window = inputs.sliding_window;
  shape.scale = static_cast<float>(model.layers[inputs.layer]->scale);
  shape.softcap = static_cast<float>(model.layers[inputs.layer]->softcap);
  shape.sinks = model.layers[inputs.layer]->sinks;
  shape.dtype = cache_dtype(model.dtype);
  return shape;
}

std::vector<float*> make_rows(const std::vector<HeadSpan>& spans,
                              int64_t rows_per_head,
                              std::vector<std::vector<float>>& rows) {
  rows.clear();
  std::vector<float*> pointers;
  for (const auto& span : spans) {
    rows.emplace_back(static_cast<size_t>(rows_per_head * span.n), 0.0f);
    pointers.push_back(rows.back().data());
  }
  return pointers;
}

}  // namespace

void compute_window_attention(const LayerInputs& inputs,
                              const std::vector<HeadSpan>& spans,
                              int64_t wanted_rows,
                              std::vector<std::vector<float>>& window,
                              int64_t& rows) {
  const int64_t captured = inputs.queries->size(1);
  wanted_rows = wanted_rows <= 0 ? captured : std::min(wanted_rows, captured);
  if (wanted_rows <= rows) return;
  rows = wanted_rows;
  const at::Tensor queries = inputs.queries->narrow(/*dim=*/1, captured - rows, rows)
                                 .contiguous();  // -> [n_heads, rows, head_dim]
  const int64_t group = inputs.model->n_heads / inputs.model->n_kv_heads;
  const auto out = make_rows(spans, group * rows, window);
  window_attention(
      shape_of(inputs, rows), spans.data(), queries.data_ptr(), inputs.n_seen - rows, out.data());
}

void compute_attention_sum(const LayerInputs& inputs,
                           const std::vector<HeadSpan>& spans,
                           int64_t rows,
                           std::vector<std::vector<float>>& sums) {
  constexpr int64_t kBlock = 64;  // queries at a time: scratch of [n_heads, 64, n] floats
  const int64_t captured = inputs.queries->size(1);
  rows = rows <= 0 ? captured : std::min(rows, captured);
  const int64_t group = inputs.model->n_heads / inputs.model->n_kv_heads;
  make_rows(spans, group, sums);
  std::vector<std::vector<float>> block;
  for (int64_t begin = captured - rows; begin < captured; begin += kBlock) {
    check_cancelled(*inputs.exec);
    const int64_t n_rows = std::min(kBlock, captured - begin);
    const at::Tensor queries = inputs.queries->narrow(/*dim=*/1, begin, n_rows).contiguous();
    const auto out = make_rows(spans, group * n_rows, block);
    window_attention(shape_of(inputs, n_rows),
                     spans.data(),
                     queries.data_ptr(),
                     inputs.n_seen - captured + begin,
                     out.data());
    for (size_t h = 0; h < spans.size(); ++h) {
      const int64_t n = spans[h].n;
      const at::Tensor rows_of_head = at::from_blob(out[h], {group, n_rows, n}, at::kFloat);
      at::from_blob(sums[h].data(), {group, n}, at::kFloat).add_(rows_of_head.sum(/*dim=*/1));
    }
  }
}

namespace {

// Softmax over each row of logits [T, T] and one logit more, which no column has.
at::Tensor softmax_beside(float sink, const at::Tensor& logits) {
  const at::Tensor column = at::full({logits.size(0), 1}, sink, logits.options());
  return at::softmax(at::cat({logits, column}, /*dim=*/1), /*dim=*/-1)
      .narrow(/*dim=*/1, 0, logits.size(1));
}

}  // namespace

at::Tensor dense_attention(const LayerInputs& inputs,
                           const std::vector<HeadSpan>& spans,
                           bool mean_over_heads) {
  const int64_t n_heads = inputs.model->n_heads, d = inputs.model->head_dim, t = spans[0].n;
  const kvh_layer_shape& shape = *inputs.model->layers[inputs.layer];
  const int64_t group = n_heads / inputs.model->n_kv_heads;
  const auto options = at::TensorOptions().dtype(at::kFloat);
  at::Tensor visible = at::ones({t, t}, at::kBool).tril();  // (query, key)
  if (inputs.sliding_window > 0) visible = visible.triu(1 - inputs.sliding_window);
  at::Tensor out = at::zeros(
      mean_over_heads ? at::IntArrayRef({t, t}) : at::IntArrayRef({n_heads, t, t}), options);
  for (int64_t head = 0; head < n_heads; ++head) {
    check_cancelled(*inputs.exec);
    const at::Tensor keys =
        at::from_blob(spans[head / group].keys, {t, d}, inputs.queries->options()).to(at::kFloat);
    const at::Tensor queries = inputs.queries->select(0, head).to(at::kFloat);  // -> [T, head_dim]
    at::Tensor logits = at::matmul(queries, keys.t()).mul_(shape.scale);
    if (shape.softcap > 0) logits.div_(shape.softcap).tanh_().mul_(shape.softcap);
    if (const EntryBias& bias = spans[head / group].bias; bias.n > 0)
      logits.narrow(/*dim=*/1, 0, bias.n)
          .add_(at::from_blob(const_cast<float*>(bias.rows), {bias.n}, options));
    logits.masked_fill_(visible.logical_not(), -std::numeric_limits<float>::infinity());
    const at::Tensor rows = shape.sinks ? softmax_beside(shape.sinks[head], logits)
                                        : at::softmax(logits, /*dim=*/-1);
    if (mean_over_heads)
      out.add_(rows, 1.0 / static_cast<double>(n_heads));
    else
      out.select(0, head).copy_(rows);
  }
  return out;
}

}  // namespace kvhost
