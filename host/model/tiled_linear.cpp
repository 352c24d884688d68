// SPDX-License-Identifier: Apache-2.0
#include "model/tiled_linear.hpp"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/parallel.hpp"
#include "base/scalar_type.hpp"
#include "kernels/cpu_level.hpp"
#include "kernels/narrow.hpp"
#include "kernels/quant/dequantize.hpp"

namespace kvhost {

namespace {

// Of a tile: what a core's part of the last cache holds, and rows enough for the product to run at
// full speed.
constexpr int64_t kTileNumbers = 1 << 18, kFewestRows = 64, kMostRows = 256;

int64_t tile_rows(int64_t n_in) {
  return std::clamp(kTileNumbers / n_in / 16 * 16, kFewestRows, kMostRows);
}

struct Tile {
  const TiledProduct* product;
  int64_t first, n;  // rows of its matrix
};

std::vector<Tile> tiles_of(std::span<const TiledProduct> products, int64_t n_in) {
  std::vector<Tile> tiles;
  const int64_t most = tile_rows(n_in);
  for (const auto& product : products)
    for (int64_t first = 0; first < product.weight->n_out(); first += most)
      tiles.push_back({&product, first, std::min(most, product.weight->n_out() - first)});
  return tiles;
}

WeightType stored_type(const Matrix& weight) {
  if (weight.quantised()) return weight.type();
  const auto type = weight.dense().scalar_type();
  return type == at::kBFloat16 ? WeightType::BF16
         : type == at::kHalf   ? WeightType::F16
                               : WeightType::F32;
}

// Rows [first, first + n) of the matrix -> to, [n, n_in] of `dtype`.
void unpack_rows(const Matrix& weight, int64_t first, int64_t n, DType dtype, void* to) {
  const WeightType type = stored_type(weight);
  const int64_t n_in = weight.n_in();
  const auto* from = weight.quantised()
                         ? weight.blocks()
                         : static_cast<const std::byte*>(weight.dense().const_data_ptr());
  from += first * row_bytes(type, n_in);
  if (dtype == DType::Float32) return dequantize(type, from, n * n_in, static_cast<float*>(to));
  std::vector<float> row(static_cast<size_t>(n_in));
  for (int64_t i = 0; i < n; ++i) {
    dequantize(type, from + i * row_bytes(type, n_in), n_in, row.data());
    narrow(row.data(), n_in, dtype, static_cast<char*>(to) + i * n_in * element_size(dtype));
  }
}

// What a thread needs of its own.
struct Scratch {
  Scratch(int64_t n_tokens, int64_t n_in, DType dtype) {
    const auto options = at::TensorOptions().dtype(scalar_type(dtype));
    weights = at::empty({tile_rows(n_in), n_in}, options);
    sums = at::empty({n_tokens * tile_rows(n_in)}, options);
  }
  at::Tensor weights;  // [tile_rows, n_in]
  at::Tensor sums;     // at least n_tokens * n
};

void run_tile(const Tile& tile, const at::Tensor& x, DType dtype, Scratch& scratch) {
  unpack_rows(*tile.product->weight, tile.first, tile.n, dtype, scratch.weights.mutable_data_ptr());
  const int64_t n_tokens = x.size(0);
  const at::Tensor weight = scratch.weights.narrow(0, 0, tile.n).t();  // [n_in, n]
  at::Tensor out = tile.product->out.narrow(1, tile.first, tile.n);    // [n_tokens, n]
  const at::Tensor& bias = tile.product->bias;
  const bool direct = out.scalar_type() == x.scalar_type();
  at::Tensor sums =
      direct ? out : scratch.sums.narrow(0, 0, n_tokens * tile.n).view({n_tokens, -1});
  at::mm_out(sums, x, weight);
  if (bias.defined()) sums.add_(bias.narrow(0, tile.first, tile.n));
  if (!direct) out.copy_(sums);
}

}  // namespace

DType product_dtype(DType dtype) {
  const bool narrow_products = current_level() == CpuLevel::Avx512Bf16;
  return dtype == DType::BFloat16 && narrow_products ? dtype : DType::Float32;
}

void tiled_linears(DType dtype, std::span<const TiledProduct> products, const at::Tensor& x) {
  const DType multiplied = product_dtype(dtype);
  const at::Tensor input = x.to(scalar_type(multiplied));
  const std::vector<Tile> tiles = tiles_of(products, x.size(1));
  std::atomic<size_t> next{0};
  const int64_t n_workers = std::min<int64_t>(num_threads(), static_cast<int64_t>(tiles.size()));
  parallel_for(n_workers, /*grain=*/1, [&](int64_t, int64_t) {
    const c10::InferenceMode inference;  // the results may have been made under it
    Scratch scratch(x.size(0), x.size(1), multiplied);
    for (size_t i = next++; i < tiles.size(); i = next++)
      run_tile(tiles[i], input, multiplied, scratch);
  });
}

}  // namespace kvhost
