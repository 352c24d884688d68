// SPDX-License-Identifier: Apache-2.0
#include "model/quantise.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "kernels/quant/dequantize.hpp"
#include "kernels/quant/quantize.hpp"

namespace kvhost {

namespace {

constexpr int64_t kRows = 16;  // of a matrix that are numbers at a time, per thread

Matrix quantised(const Matrix& from, WeightType form) {
  const int64_t n_out = from.n_out(), n_in = from.n_in(), stored = row_bytes(form, n_in);
  const std::shared_ptr<std::byte[]> blocks(new std::byte[static_cast<size_t>(n_out * stored)]);
  parallel_for((n_out + kRows - 1) / kRows, /*grain=*/1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const int64_t first = part * kRows, n = std::min(kRows, n_out - first);
      const at::Tensor rows =
          from.rows(first, n).numbers(DType::Float32).contiguous();  // [n, n_in]
      quantize(form, rows.const_data_ptr<float>(), n * n_in, blocks.get() + first * stored);
    }
  });
  return Matrix::of_blocks(form, blocks.get(), n_out, n_in, blocks);
}

}  // namespace

void store_as(WeightType form, DType dtype, const std::vector<WeightSlot>& slots) {
  const bool numbers = is_plain(form);
  if (numbers && dtype != DType::BFloat16)
    bad_request("weights",
                std::string("bf16 for a model that runs in ") + dtype_name(dtype) +
                    "; expected bfloat16, or weights as-stored, q8_0 or q4_0");
  for (const auto& slot : slots) {
    if (!slot.matrix || !slot.matrix->defined()) continue;
    Matrix& matrix = *slot.matrix;
    if (numbers) {
      matrix = matrix.numbers(dtype);
      continue;
    }
    const WeightTypeInfo& info = weight_type_info(form);
    if (matrix.n_in() % info.block != 0)
      bad_request("weights",
                  "tensor '" + slot.name + "' has rows of " + std::to_string(matrix.n_in()) +
                      " numbers; expected a multiple of " + std::to_string(info.block) + " for " +
                      info.name + ", or weights as-stored");
    if (!matrix.quantised() || matrix.type() != form) matrix = quantised(matrix, form);
  }
}

}  // namespace kvhost
