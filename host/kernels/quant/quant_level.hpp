// SPDX-License-Identifier: Apache-2.0
// What one instruction set level provides for quantised weights. As in kernels/level_kernels.hpp:
// each level is compiled in its own file with its own flags, and all it defines besides its table
// is in anonymous namespaces.
#pragma once

#include <cstdint>

#include "base/weight_type.hpp"

namespace kvhost {

// Input rows as integers: x = scale * code with one scale per 32 of them, given per 32 and per 16
// as the weights' types have theirs. sums: of scale * code. What is read beyond a row is
// zeros: the arrays of a row are as long as n_steps says.
struct CodedInput {
  const int16_t* codes = nullptr;                        // [n_rows, n_in]
  const int8_t* bytes = nullptr;  // [n_rows, n_in / 32, 2, 32] codes by bytes, where the level multiplies those
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

struct QuantLevel {
  QuantKernels types[static_cast<int>(WeightType::MXFP4) + 1];  // empty for plain types
  // 32 floats -> codes, their bytes and sums of both 16; gives the scale
  float (*encode)(const float* x, int16_t* codes, int8_t* bytes, float* sums) = nullptr;
};

const QuantLevel& portable_quant();
#if defined(KVHOST_X86_LEVELS)
const QuantLevel& avx2_quant();
const QuantLevel& avx512_quant();
const QuantLevel& avx512_vnni_quant();
#endif
const QuantLevel& quant_level();  // the one in use

}  // namespace kvhost
