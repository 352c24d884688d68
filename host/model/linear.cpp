// SPDX-License-Identifier: Apache-2.0
#include "model/linear.hpp"

#include <ATen/Functions.h>

#include "kernels/gemv/gemv.hpp"

namespace kvhost {

namespace {

constexpr int64_t kFewTokens = 8;  // beyond, blocked products win over reading the weights once

bool is_few(DType dtype, const at::Tensor& x) {
  return x.size(0) <= kFewTokens && gemv_supports(dtype);
}

bool is_few(DType dtype, const at::Tensor& x, std::span<const Linear* const> layers) {
  for (const Linear* layer : layers)
    if (layer->weight.quantised()) return false;
  return is_few(dtype, x);
}

GemvInput input_of(DType dtype, const at::Tensor& x) {
  return {.dtype = dtype,
          .x = x.const_data_ptr(),
          .n_rows = x.size(0),
          .n_in = x.size(1),
          .wide_out = false};
}

GemvMatrix matrix_of(const Matrix& weight, const at::Tensor& bias, at::Tensor& out) {
  return {.weight = weight.dense().const_data_ptr(),
          .bias = bias.defined() ? bias.const_data_ptr() : nullptr,
          .out = out.mutable_data_ptr(),
          .n_out = weight.n_out()};
}

}  // namespace

std::vector<at::Tensor> apply_linears(DType dtype,
                                      std::span<const Linear* const> layers,
                                      const at::Tensor& x) {
  std::vector<at::Tensor> out;
  out.reserve(layers.size());
  if (!is_few(dtype, x, layers)) {
    for (const Linear* layer : layers)
      out.push_back(at::linear(x, layer->weight.numbers(dtype), layer->bias));
    return out;
  }
  std::vector<GemvMatrix> matrices;
  for (const Linear* layer : layers) {
    out.push_back(at::empty({x.size(0), layer->weight.n_out()}, x.options()));
    matrices.push_back(matrix_of(layer->weight, layer->bias, out.back()));
  }
  gemv(input_of(dtype, x), matrices);
  return out;
}

at::Tensor apply_linear(DType dtype, const Linear& layer, const at::Tensor& x) {
  return apply_linears(dtype, {&layer}, x).front();
}

at::Tensor wide_linear(DType dtype, const Matrix& weight, const at::Tensor& x) {
  if (weight.quantised() || !is_few(dtype, x))
    return at::linear(x, weight.numbers(dtype)).to(at::kFloat);
  at::Tensor out = at::empty({x.size(0), weight.n_out()}, x.options().dtype(at::kFloat));
  GemvInput input = input_of(dtype, x);
  input.wide_out = true;
  const GemvMatrix matrix = matrix_of(weight, {}, out);
  gemv(input, {&matrix, 1});
  return out;
}

}  // namespace kvhost
