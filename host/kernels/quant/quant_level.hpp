// SPDX-License-Identifier: Apache-2.0
// What one instruction set level provides for quantised weights. As in kernels/level_kernels.hpp:
// each level is compiled in its own file with its own flags, and all it defines besides its table
// is in anonymous namespaces.
#pragma once

#include <cstdint>

#include "base/weight_type.hpp"

namespace kvhost {

// A step is 256 inputs of a row, eight groups of 32.
constexpr int64_t kGroup = 32, kStep = 256;

// Input rows as integers: x = scale * code, the scale given per 32 and per 16 of them as the weights' types have
// theirs. sums: of scale * code. What is read beyond a row is zeros: the arrays of a row are as long as n_steps says.
struct CodedInput {
  const int16_t* codes = nullptr;  // [n_rows, n_in]
  // [n_rows, n_in / 32, 2, 32], where the level multiplies bytes: code = 256 * first + second, the first signed, the
  // second not
  const uint8_t* bytes = nullptr;
  const float *scales_32 = nullptr, *sums_32 = nullptr;  // [n_rows, 8 n_steps]
  const float *scales_16 = nullptr, *sums_16 = nullptr;  // [n_rows, 16 n_steps]
  int64_t n_rows = 0, n_in = 0, n_steps = 0;
};

struct QuantRange {
  CodedInput x;
  const uint8_t* weight = nullptr;  // rows of blocks
  float* out = nullptr;             // [n_rows, out_stride], only columns [begin, end) are written
  int64_t out_stride = 0;
  int64_t begin = 0, end = 0;  // rows of the matrix
};

struct QuantKernels {
  // n weights, whole blocks -> float32, the same bits at every level.
  void (*unpack)(const uint8_t* blocks, int64_t n, float* out) = nullptr;
  void (*products)(const QuantRange& range) = nullptr;
};

// Where the codes of 256 inputs go; scales and sums as in CodedInput.
struct CodedStep {
  int16_t* codes;
  uint8_t* bytes;
  float *scales_32, *sums_32;  // [8]
  float *scales_16, *sums_16;  // [16]
};

struct QuantLevel {
  QuantKernels types[static_cast<int>(WeightType::MXFP4) + 1];  // empty for plain types
  // Up to 8 groups of 32 floats, each with a scale of its own or all with one.
  void (*encode)(const float* x, int n_groups, bool one_scale, const CodedStep& to) = nullptr;
};

const QuantLevel& portable_quant();
#if defined(KVHOST_X86_LEVELS)
const QuantLevel& avx2_quant();
const QuantLevel& avx512_quant();
const QuantLevel& avx512_vnni_quant();
#endif
const QuantLevel& quant_level();  // the one in use

}  // namespace kvhost
