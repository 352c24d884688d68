// SPDX-License-Identifier: Apache-2.0
#include "model/matrix.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/parallel.hpp"
#include "base/scalar_type.hpp"
#include "kernels/narrow.hpp"
#include "kernels/quant/dequantize.hpp"

namespace kvhost {

namespace {

constexpr int64_t kSmallWork = 1 << 14;  // weights per thread below which one thread is faster

// Row i of the result is row row_of(i) of the matrix.
template <class RowOf>
at::Tensor unpacked(const Matrix& matrix, int64_t n_rows, DType dtype, const RowOf& row_of) {
  const int64_t n_in = matrix.n_in();
  const int64_t stored = row_bytes(matrix.type(), n_in);
  at::Tensor out = at::empty({n_rows, n_in}, at::TensorOptions().dtype(scalar_type(dtype)));
  auto* to = static_cast<char*>(out.mutable_data_ptr());
  parallel_for(
      n_rows, std::max<int64_t>(kSmallWork / n_in, 1), [&](int64_t begin, int64_t end) {
        std::vector<float> row(static_cast<size_t>(n_in));
        for (int64_t i = begin; i < end; ++i) {
          dequantize(matrix.type(), matrix.blocks() + row_of(i) * stored, n_in, row.data());
          narrow(row.data(), n_in, dtype, to + i * n_in * element_size(dtype));
        }
      });
  return out;
}

}  // namespace

Matrix Matrix::of_blocks(WeightType type,
                         const std::byte* blocks,
                         int64_t n_out,
                         int64_t n_in,
                         std::shared_ptr<const void> owner) {
  Matrix matrix;
  matrix.type_ = type;
  matrix.blocks_ = blocks;
  matrix.n_out_ = n_out;
  matrix.n_in_ = n_in;
  matrix.owner_ = std::move(owner);
  return matrix;
}

int64_t Matrix::bytes() const {
  return quantised() ? n_out_ * row_bytes(type_, n_in_)
                     : static_cast<int64_t>(dense_.defined() ? dense_.nbytes() : 0);
}

Matrix Matrix::rows(int64_t first, int64_t n) const {
  if (!quantised()) return dense_.narrow(0, first, n);
  return of_blocks(type_, blocks_ + first * row_bytes(type_, n_in_), n, n_in_, owner_);
}

at::Tensor Matrix::numbers(DType dtype) const {
  if (!quantised()) return dense_.to(scalar_type(dtype));
  return unpacked(*this, n_out_, dtype, [](int64_t i) { return i; });
}

at::Tensor Matrix::gather(std::span<const int32_t> ids, DType dtype) const {
  if (!quantised()) {
    const at::Tensor rows = at::tensor(at::ArrayRef<int32_t>(ids.data(), ids.size()), at::kInt);
    return at::embedding(dense_, rows).to(scalar_type(dtype));
  }
  return unpacked(*this, static_cast<int64_t>(ids.size()), dtype, [&](int64_t i) {
    return ids[static_cast<size_t>(i)];
  });
}

}  // namespace kvhost
