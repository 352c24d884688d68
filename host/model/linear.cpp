// SPDX-License-Identifier: Apache-2.0
#include "model/linear.hpp"

#include <ATen/Functions.h>

#include <algorithm>

#include "kernels/gemv/gemv.hpp"
#include "kernels/quant/quant_gemv.hpp"
#include "model/tiled_linear.hpp"

namespace kvhost {

namespace {

// Beyond these, blocked products win over reading the weights once: of numbers and of blocks.
constexpr int64_t kFewTokens = 8, kFewOfBlocks = 32;

enum class Way { Rows, BlockRows, Tiles, Whole };

Way way_of(DType dtype, const Matrix& weight, int64_t n_tokens) {
  // Row products of blocks round the input to 16 bits. float32 is what results are compared in: there
  // the blocks are unpacked, which is slower and exact.
  if (weight.quantised())
    return n_tokens <= kFewOfBlocks && dtype != DType::Float32 ? Way::BlockRows : Way::Tiles;
  if (n_tokens <= kFewTokens && gemv_supports(dtype)) return Way::Rows;
  return product_dtype(dtype) == dtype ? Way::Whole : Way::Tiles;
}

GemvInput input_of(DType dtype, const at::Tensor& x, bool wide_out) {
  return {.dtype = dtype,
          .x = x.const_data_ptr(),
          .n_rows = x.size(0),
          .n_in = x.size(1),
          .wide_out = wide_out};
}

// libtorch's library compiles a program for every shape of a product in half width and keeps a
// thousand of them, some megabytes each: prompts of all lengths took a gigabyte. Rows are rounded up
// to one of a few numbers.
int64_t few_shapes(int64_t n_rows) {
  const int64_t step = n_rows <= 64 ? 16 : 64;
  return (n_rows + step - 1) / step * step;
}

bool compiled_by_shape(DType dtype, std::span<const Linear* const> layers, int64_t n_tokens) {
  return product_dtype(dtype) != DType::Float32 &&
         std::any_of(layers.begin(), layers.end(), [&](const Linear* layer) {
           const Way way = way_of(dtype, layer->weight, n_tokens);
           return way == Way::Whole || way == Way::Tiles;
         });
}

// x with zeros behind it, where its products are compiled by their shape.
at::Tensor padded(DType dtype, std::span<const Linear* const> layers, const at::Tensor& x) {
  const int64_t n = x.size(0), rows = few_shapes(n);
  if (rows == n || !compiled_by_shape(dtype, layers, n)) return x;
  at::Tensor out = at::empty({rows, x.size(1)}, x.options());
  out.narrow(0, 0, n).copy_(x);
  out.narrow(0, n, rows - n).zero_();
  return out;
}

const void* data_of(const at::Tensor& bias) {
  return bias.defined() ? bias.const_data_ptr() : nullptr;
}

// Products that go the same way together.
struct Jobs {
  std::vector<GemvMatrix> rows;
  std::vector<QuantMatrix> block_rows;
  std::vector<TiledProduct> tiles;

  // Gives the result, which run() fills in.
  at::Tensor add(DType dtype,
                 const Matrix& weight,
                 const at::Tensor& bias,
                 const at::Tensor& x,
                 bool wide_out) {
    const Way way = way_of(dtype, weight, x.size(0));
    if (way == Way::Whole) {
      const at::Tensor out = at::linear(x, weight.dense(), bias);
      return wide_out ? out.to(at::kFloat) : out;
    }
    const auto options = wide_out ? x.options().dtype(at::kFloat) : x.options();
    at::Tensor out = at::empty({x.size(0), weight.n_out()}, options);
    void* to = out.mutable_data_ptr();
    const void* added = data_of(bias);
    if (way == Way::Tiles)
      tiles.push_back({&weight, bias, out});
    else if (way == Way::BlockRows)
      block_rows.push_back({weight.type(), weight.blocks(), added, to, weight.n_out()});
    else
      rows.push_back({weight.dense().const_data_ptr(), added, to, weight.n_out()});
    return out;
  }

  void run(DType dtype, const at::Tensor& x, bool wide_out) const {
    if (!rows.empty()) gemv(input_of(dtype, x, wide_out), rows);
    if (!block_rows.empty()) quant_gemv(input_of(dtype, x, wide_out), block_rows);
    if (!tiles.empty()) tiled_linears(dtype, tiles, x);
  }
};

std::vector<at::Tensor> products(DType dtype,
                                 std::span<const Linear* const> layers,
                                 const at::Tensor& x,
                                 bool wide_out) {
  const at::Tensor rows = padded(dtype, layers, x);
  Jobs jobs;
  std::vector<at::Tensor> out;
  for (const Linear* layer : layers)
    out.push_back(jobs.add(dtype, layer->weight, layer->bias, rows, wide_out));
  jobs.run(dtype, rows, wide_out);
  if (rows.size(0) != x.size(0))
    for (auto& each : out) each = each.narrow(0, 0, x.size(0));
  return out;
}

}  // namespace

std::vector<at::Tensor> apply_linears(DType dtype,
                                      std::span<const Linear* const> layers,
                                      const at::Tensor& x) {
  return products(dtype, layers, x, /*wide_out=*/false);
}

at::Tensor apply_linear(DType dtype, const Linear& layer, const at::Tensor& x) {
  return apply_linears(dtype, {&layer}, x).front();
}

at::Tensor wide_linear(DType dtype, const Matrix& weight, const at::Tensor& x) {
  const Linear layer{weight, {}};
  const Linear* const layers[] = {&layer};
  return products(dtype, layers, x, /*wide_out=*/true).front();
}

}  // namespace kvhost
