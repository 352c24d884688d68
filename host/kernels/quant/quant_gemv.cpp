// SPDX-License-Identifier: Apache-2.0
#include "kernels/quant/quant_gemv.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/parallel.hpp"
#include "kernels/element_math.hpp"
#include "kernels/narrow.hpp"
#include "kernels/quant/quant_level.hpp"

namespace kvhost {

namespace {

constexpr int64_t kSmallWeights = 1 << 15;  // per thread, below which another thread costs more

// Begins at a cache line: vectors that reach over two lines are read by two loads, which for the input, read again
// for every few rows, takes a fifth of the time.
template <class T>
class Lines {
 public:
  // What was held is lost.
  void resize(int64_t n) {
    constexpr auto kFit = static_cast<int64_t>(sizeof(Line) / sizeof(T));
    lines_.resize(static_cast<size_t>((n + kFit - 1) / kFit));
  }
  T* data() { return reinterpret_cast<T*>(lines_.data()); }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> lines_;
};

// Grows as needed and stays with its thread: a decoder calls with the same sizes again and again.
struct Scratch {
  Lines<float> wide, scales_32, sums_32, scales_16, sums_16;
  Lines<int16_t> codes;
  Lines<int8_t> bytes;
};

void encode_row(const float* x, int64_t n, int64_t row, int64_t n_steps, Scratch& scratch) {
  for (int64_t i = 0; i < n; i += 32) {
    const int64_t group = row * n_steps * 8 + i / 32, half = 2 * group, at = row * n + i;
    float* sums = scratch.sums_16.data() + half;
    const float scale =
        quant_level().encode(x + i, scratch.codes.data() + at, scratch.bytes.data() + 2 * at, sums);
    scratch.scales_32.data()[group] = scale;
    scratch.scales_16.data()[half] = scratch.scales_16.data()[half + 1] = scale;
    scratch.sums_32.data()[group] = sums[0] + sums[1];
  }
}

CodedInput encode(const GemvInput& input, Scratch& scratch) {
  const int64_t n_rows = input.n_rows, n_in = input.n_in, n_steps = n_in / 256 + 2;
  const auto* x = static_cast<const float*>(input.x);
  if (input.dtype != DType::Float32) {
    scratch.wide.resize(n_rows * n_in);
    widen(input.dtype, input.x, n_rows * n_in, scratch.wide.data());
    x = scratch.wide.data();
  }
  const int64_t n_groups = n_rows * n_steps * 8;
  scratch.codes.resize(n_rows * n_in);
  scratch.bytes.resize(2 * n_rows * n_in);
  const auto clear = [](Lines<float>& each, int64_t n) {
    each.resize(n);
    std::fill_n(each.data(), n, 0.0F);
  };
  for (auto* each : {&scratch.scales_32, &scratch.sums_32}) clear(*each, n_groups);
  for (auto* each : {&scratch.scales_16, &scratch.sums_16}) clear(*each, 2 * n_groups);
  for (int64_t row = 0; row < n_rows; ++row)
    encode_row(x + row * n_in, n_in, row, n_steps, scratch);
  return {.codes = scratch.codes.data(),
          .bytes = scratch.bytes.data(),
          .scales_32 = scratch.scales_32.data(),
          .sums_32 = scratch.sums_32.data(),
          .scales_16 = scratch.scales_16.data(),
          .sums_16 = scratch.sums_16.data(),
          .n_rows = n_rows,
          .n_in = n_in,
          .n_steps = n_steps};
}

// Output rows [first, last) of one matrix.
void run_rows(const GemvInput& input,
              const CodedInput& x,
              const QuantMatrix& matrix,
              int64_t first,
              int64_t last) {
  const int64_t n = last - first;
  thread_local std::vector<float> results;  // [n_rows, n]
  results.resize(static_cast<size_t>(input.n_rows * n));
  QuantRange range;
  range.x = x;
  range.weight = static_cast<const uint8_t*>(matrix.blocks);
  range.out = results.data() - first;  // columns are numbered as in the matrix
  range.out_stride = n;
  range.begin = first;
  range.end = last;
  quant_level().types[static_cast<int>(matrix.type)].products(range);
  const DType out_dtype = input.wide_out ? DType::Float32 : input.dtype;
  for (int64_t row = 0; row < input.n_rows; ++row) {
    float* from = results.data() + row * n;
    if (matrix.bias) add_wide(input.dtype, matrix.bias, first, n, from);
    narrow(from,
           n,
           out_dtype,
           static_cast<char*>(matrix.out) + (row * matrix.n_out + first) * element_size(out_dtype));
  }
}

}  // namespace

void quant_gemv(const GemvInput& input, std::span<const QuantMatrix> matrices) {
  thread_local Scratch scratch;
  const CodedInput x = encode(input, scratch);
  int64_t total = 0;
  for (const auto& matrix : matrices) total += matrix.n_out;
  const int64_t grain = std::max<int64_t>(kSmallWeights / input.n_in, 1);
  parallel_shared(total, grain, [&](int64_t begin, int64_t end) {
    int64_t offset = 0;
    for (const auto& matrix : matrices) {
      const int64_t first = std::max<int64_t>(begin - offset, 0),
                    last = std::min(end - offset, matrix.n_out);
      if (first < last) run_rows(input, x, matrix, first, last);
      offset += matrix.n_out;
    }
  });
}

}  // namespace kvhost
