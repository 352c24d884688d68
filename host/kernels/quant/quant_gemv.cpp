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
  Lines<float> scales_32, sums_32, scales_16, sums_16;
  Lines<int16_t> codes;
  Lines<uint8_t> bytes;
};

constexpr int64_t kGroups = kStep / kGroup;  // of a step, which is encoded at once

// What lies behind a row is read, times zero.
void clear_behind(int64_t first, int64_t end, Scratch& scratch) {
  for (float* each : {scratch.scales_32.data(), scratch.sums_32.data()})
    std::fill(each + first, each + end, 0.0F);
  for (float* each : {scratch.scales_16.data(), scratch.sums_16.data()})
    std::fill(each + 2 * first, each + 2 * end, 0.0F);
}

CodedInput encode(const float* x, int64_t n_rows, int64_t n_in, bool one_scale, Scratch& scratch) {
  const int64_t n_steps = n_in / kStep + 2, n_groups = n_rows * n_steps * kGroups;
  scratch.codes.resize(n_rows * n_in);
  scratch.bytes.resize(2 * n_rows * n_in);
  for (auto* each : {&scratch.scales_32, &scratch.sums_32}) each->resize(n_groups);
  for (auto* each : {&scratch.scales_16, &scratch.sums_16}) each->resize(2 * n_groups);
  for (int64_t row = 0; row < n_rows; ++row) {
    const int64_t first = row * n_steps * kGroups;
    for (int64_t i = 0; i < n_in; i += kStep) {
      const int64_t group = first + i / kGroup, at = row * n_in + i;
      quant_level().encode(x + at,
                           static_cast<int>(std::min(n_in - i, kStep) / kGroup),
                           one_scale,
                           {.codes = scratch.codes.data() + at,
                            .bytes = scratch.bytes.data() + 2 * at,
                            .scales_32 = scratch.scales_32.data() + group,
                            .sums_32 = scratch.sums_32.data() + group,
                            .scales_16 = scratch.scales_16.data() + 2 * group,
                            .sums_16 = scratch.sums_16.data() + 2 * group});
    }
    clear_behind(first + n_in / kGroup, first + n_steps * kGroups, scratch);
  }
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

// The input as the matrices' types need it: with one scale for each of their blocks.
class Inputs {
 public:
  Inputs(const GemvInput& input, std::span<const QuantMatrix> matrices) {
    const float* x = widened(input);
    for (const bool one_scale : {false, true}) {
      const auto needs = [&](const QuantMatrix& matrix) {
        return of_steps(matrix.type) == one_scale;
      };
      if (std::any_of(matrices.begin(), matrices.end(), needs))
        coded_[one_scale] = encode(x, input.n_rows, input.n_in, one_scale, scratch()[one_scale]);
    }
  }
  const CodedInput& of(WeightType type) const { return coded_[of_steps(type)]; }

 private:
  static bool of_steps(WeightType type) { return weight_type_info(type).block == kStep; }
  static Scratch* scratch() {
    thread_local Scratch both[2];
    return both;
  }
  static const float* widened(const GemvInput& input) {
    if (input.dtype == DType::Float32) return static_cast<const float*>(input.x);
    thread_local Lines<float> wide;
    wide.resize(input.n_rows * input.n_in);
    widen(input.dtype, input.x, input.n_rows * input.n_in, wide.data());
    return wide.data();
  }

  CodedInput coded_[2];
};

// Output rows [first, last) of one matrix -> out [n_rows, out_stride], columns numbered as in the matrix.
void products(const CodedInput& x,
              const QuantMatrix& matrix,
              int64_t first,
              int64_t last,
              float* out,
              int64_t out_stride) {
  QuantRange range;
  range.x = x;
  range.weight = static_cast<const uint8_t*>(matrix.blocks);
  range.out = out;
  range.out_stride = out_stride;
  range.begin = first;
  range.end = last;
  quant_level().types[static_cast<int>(matrix.type)].products(range);
}

// The same into the matrix's out, with the bias: by way of float32 where that is narrower.
void run_rows(const GemvInput& input,
              const Inputs& inputs,
              const QuantMatrix& matrix,
              int64_t first,
              int64_t last) {
  const int64_t n = last - first;
  const CodedInput& x = inputs.of(matrix.type);
  const auto add_bias = [&](float* row) {
    if (matrix.bias) add_wide(input.dtype, matrix.bias, first, n, row);
  };
  if (input.wide_out || input.dtype == DType::Float32) {
    auto* out = static_cast<float*>(matrix.out);
    products(x, matrix, first, last, out, matrix.n_out);
    for (int64_t row = 0; row < input.n_rows; ++row) add_bias(out + row * matrix.n_out + first);
    return;
  }
  thread_local std::vector<float> results;  // [n_rows, n]
  results.resize(static_cast<size_t>(input.n_rows * n));
  products(x, matrix, first, last, results.data() - first, n);
  for (int64_t row = 0; row < input.n_rows; ++row) {
    float* from = results.data() + row * n;
    add_bias(from);
    narrow(
        from,
        n,
        input.dtype,
        static_cast<char*>(matrix.out) + (row * matrix.n_out + first) * element_size(input.dtype));
  }
}

}  // namespace

void quant_gemv(const GemvInput& input, std::span<const QuantMatrix> matrices) {
  const Inputs inputs(input, matrices);
  int64_t total = 0;
  for (const auto& matrix : matrices) total += matrix.n_out;
  // Kernels read up to four rows side by side.
  const int64_t grain = std::max<int64_t>((kSmallWeights / input.n_in + 3) / 4 * 4, 4);
  parallel_shared(total, grain, [&](int64_t begin, int64_t end) {
    int64_t offset = 0;
    for (const auto& matrix : matrices) {
      const int64_t first = std::max<int64_t>(begin - offset, 0),
                    last = std::min(end - offset, matrix.n_out);
      if (first < last) run_rows(input, inputs, matrix, first, last);
      offset += matrix.n_out;
    }
  });
}

}  // namespace kvhost
