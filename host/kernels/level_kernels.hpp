// SPDX-License-Identifier: Apache-2.0
// What one instruction set level provides. Each level is compiled in its own file with its own
// flags; everything those files define besides their table is in anonymous namespaces, so that the
// linker can never mix levels.
#pragma once

#include <cstdint>

#include "base/dtype.hpp"

namespace kvhost {

struct Bf16 {
  uint16_t bits;
};
struct Half {
  uint16_t bits;
};

// Query rows against a stretch of one KV head's entries.
struct StretchArgs {
  const void* keys = nullptr;     // [n, key_dim]
  const void* values = nullptr;   // [n, head_dim]
  const void* queries = nullptr;  // [n_rows, key_dim]
  // [n_rows] row r sees the entries [row_begin[r], row_end[r]) of the stretch
  const int32_t* row_begin = nullptr;
  const int32_t* row_end = nullptr;  // [n_rows]
  int64_t n = 0, n_rows = 0, head_dim = 0;
  int64_t key_dim = 0;  // even, at most head_dim: less where keys hold some channels only
  float scale = 0;
  float softcap = 0;                // scaled scores s -> softcap * tanh(s / softcap); 0: none
  // [n_biased] what the stretch's first entries add to their scores, capped or not; the others 0
  const float* bias = nullptr;
  int64_t n_biased = 0;
  const float* row_sink = nullptr;  // [n_rows], Softmax only: a score more, which no entry has; or null
};

// Partial results of a stretch: out = sum(acc * exp(max - M)) / sum(sum * exp(max - M)) over
// stretches, M = max(max).
struct StretchResult {
  float* max = nullptr;  // [n_rows], -inf where nothing is seen
  float* sum = nullptr;  // [n_rows]
  float* acc = nullptr;  // [n_rows, head_dim rounded up to kPad]
};

// Row strides inside scratch and results: floats, a multiple of every vector width and block of
// keys.
inline constexpr int64_t kPad = 32;
// Up to so many rows the keys are read once as they are; more rows pay for transposing them.
inline constexpr int64_t kFewRows = 16;

struct LevelKernels {
  // Attention of the rows over the stretch. scratch: scratch_floats(n_rows, n, head_dim) floats,
  // 64-byte aligned.
  using Stretch = void (*)(const StretchArgs&, const StretchResult&, float* scratch);
  // Softmax rows: out is [n_rows, n], 0 where a row does not see an entry. values are not read.
  // Scratch for n = 0.
  using Softmax = void (*)(const StretchArgs&, float* out, float* scratch);

  Stretch stretch[3];  // by DType
  Softmax softmax[3];
};

const LevelKernels& portable_kernels();
#if defined(KVHOST_X86_LEVELS)
const LevelKernels& avx2_kernels();
const LevelKernels& avx512_kernels();
const LevelKernels& avx512_bf16_kernels();
#endif

}  // namespace kvhost
