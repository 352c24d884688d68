// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemv/gemv.hpp"

#include <algorithm>
#include <vector>

#include "base/parallel.hpp"
#include "kernels/cpu_level.hpp"
#include "kernels/element_math.hpp"
#include "kernels/gemv/gemv_level.hpp"
#include "kernels/narrow.hpp"

namespace kvhost {

namespace {

// of weights per thread below which another thread costs more than it gives
constexpr int64_t kSmallBytes = 1 << 15;

const GemvLevel& level() {
#if defined(KVHOST_X86_LEVELS)
  static const GemvLevel& chosen = [&]() -> const GemvLevel& {
    switch (current_level()) {
      case CpuLevel::Avx512Bf16:
        return avx512_bf16_gemv();
      case CpuLevel::Avx512Vnni:
      case CpuLevel::Avx512:
        return avx512_gemv();
      case CpuLevel::Avx2:
        return avx2_gemv();
      case CpuLevel::Portable:
        break;
    }
    return portable_gemv();
  }();
  return chosen;
#else
  return portable_gemv();
#endif
}

// The part of the concatenated output rows [begin, end) that lies in `matrix`, which starts at
// `offset`.
void run_part(const GemvInput& input,
              const void* x,
              const GemvMatrix& matrix,
              int64_t offset,
              int64_t begin,
              int64_t end) {
  const int64_t first = std::max<int64_t>(begin - offset, 0),
                last = std::min(end - offset, matrix.n_out);
  if (first >= last) return;
  const int64_t n = last - first;
  thread_local std::vector<float> results;  // [n_rows, n]
  results.resize(static_cast<size_t>(input.n_rows * n));
  GemvRange range;
  range.weight = matrix.weight;
  range.x = x;
  range.out = results.data() - first;  // columns are numbered as in the matrix
  range.n_in = range.x_stride = input.n_in;
  range.n_rows = input.n_rows;
  range.out_stride = n;
  range.begin = first;
  range.end = last;
  (input.dtype == DType::BFloat16 ? level().bfloat16 : level().float32)(range);
  for (int64_t row = 0; row < input.n_rows; ++row) {
    float* from = results.data() + row * n;
    if (matrix.bias) add_wide(input.dtype, matrix.bias, first, n, from);
    const DType out_dtype = input.wide_out ? DType::Float32 : input.dtype;
    auto* to =
        static_cast<char*>(matrix.out) + (row * matrix.n_out + first) * element_size(out_dtype);
    narrow(from, n, out_dtype, to);
  }
}

}  // namespace

bool gemv_supports(DType dtype) { return dtype != DType::Float16; }

void gemv(const GemvInput& input, std::span<const GemvMatrix> matrices) {
  std::vector<float> wide;
  const void* x = input.x;
  if (input.dtype == DType::BFloat16 && !level().bf16_input) {
    wide.resize(static_cast<size_t>(input.n_rows * input.n_in));
    widen(input.dtype, input.x, input.n_rows * input.n_in, wide.data());
    x = wide.data();
  }
  int64_t total = 0;
  for (const auto& matrix : matrices) total += matrix.n_out;
  const int64_t grain =
      std::max<int64_t>(kSmallBytes / (input.n_in * element_size(input.dtype)), 1);
  parallel_shared(total, grain, [&](int64_t begin, int64_t end) {
    int64_t offset = 0;
    for (const auto& matrix : matrices) {
      run_part(input, x, matrix, offset, begin, end);
      offset += matrix.n_out;
    }
  });
}

}  // namespace kvhost
