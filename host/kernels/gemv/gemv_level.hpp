// SPDX-License-Identifier: Apache-2.0
// What one instruction set level provides. As in kernels/level_kernels.hpp: each level is compiled
// in its own file with its own flags, and all it defines besides its table is in anonymous
// namespaces.
#pragma once

#include <cstdint>

namespace kvhost {

struct GemvRange {
  const void* weight = nullptr;  // [n_out, n_in]
  const void* x = nullptr;       // [n_rows, x_stride] as the level's prepare left it
  float* out = nullptr;          // [n_rows, out_stride], only columns [begin, end) are written
  int64_t n_in = 0, n_rows = 0, x_stride = 0, out_stride = 0;
  int64_t begin = 0, end = 0;  // rows of the matrix
};

struct GemvLevel {
  using Range = void (*)(const GemvRange&);
  Range float32 = nullptr;   // x: float32
  Range bfloat16 = nullptr;  // x: float32, or bfloat16 where bf16_input
  bool bf16_input = false;
};

const GemvLevel& portable_gemv();
#if defined(KVHOST_X86_LEVELS)
const GemvLevel& avx2_gemv();
const GemvLevel& avx512_gemv();
const GemvLevel& avx512_bf16_gemv();
#endif

}  // namespace kvhost
