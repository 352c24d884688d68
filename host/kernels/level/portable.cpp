// SPDX-License-Identifier: Apache-2.0
// The level that every machine has: the compiler's generic vectors, no intrinsics.
#include "kernels/level/body.hpp"

namespace kvhost {
namespace {

float widen_one(float x) { return x; }

float from_bits(uint32_t bits) { return __builtin_bit_cast(float, bits); }

float widen_one(Bf16 x) { return from_bits(uint32_t{x.bits} << 16); }

// Exact for all halves: the exponent is rebased by a multiplication, which also handles subnormals.
float widen_one(Half x) {
  const uint32_t sign = (x.bits & 0x8000u) << 16, rest = x.bits & 0x7fffu;
  const float value = rest >= 0x7c00u ? from_bits((rest << 13) | 0x7f800000u)  // infinity, NaN
                                      : from_bits(rest << 13) * 0x1p112f;
  return from_bits(__builtin_bit_cast(uint32_t, value) | sign);
}

struct Simd {
  typedef float Vec __attribute__((vector_size(16)));
  static constexpr int kWidth = 4;
  static constexpr int kTile = 8;
  static constexpr int kManyRows = 4;

  static Vec zero() { return Vec{}; }
  static Vec set(float x) { return Vec{x, x, x, x}; }
  static Vec load(const float* from) { return widen(from); }
  static void store(float* to, Vec x) { __builtin_memcpy(to, &x, sizeof x); }
  static Vec add(Vec a, Vec b) { return a + b; }
  static Vec mul(Vec a, Vec b) { return a * b; }
  static Vec max(Vec a, Vec b) { return a > b ? a : b; }
  static Vec div(Vec a, Vec b) { return a / b; }
  static Vec select_less(Vec a, Vec b, Vec yes, Vec no) { return a < b ? yes : no; }
  static Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }

  static Vec exp(Vec x) {
    for (int i = 0; i < kWidth; ++i) {
      x[i] = __builtin_expf(x[i]);
    }
    return x;
  }

  static float sum(Vec x) { return (x[0] + x[1]) + (x[2] + x[3]); }

  static float max_of(Vec x) {
    const float a = x[0] > x[1] ? x[0] : x[1], b = x[2] > x[3] ? x[2] : x[3];
    return a > b ? a : b;
  }

  static void sum_tile(const Vec* acc, float* out) {
    for (int i = 0; i < kTile; ++i) {
      out[i] = sum(acc[i]);
    }
  }

  template <class T>
  static Vec widen(const T* from) {
    return Vec{widen_one(from[0]), widen_one(from[1]), widen_one(from[2]), widen_one(from[3])};
  }

  template <class T>
  static Vec widen_some(const T* from, int64_t n) {
    Vec x{};
    for (int i = 0; i < n; ++i) {
      x[i] = widen_one(from[i]);
    }
    return x;
  }

  static void transpose(Vec* v) {
    for (int i = 0; i < kWidth; ++i) {
      for (int j = 0; j < i; ++j) {
        const float held = v[i][j];
        v[i][j] = v[j][i];
        v[j][i] = held;
      }
    }
  }
};

}  // namespace

const LevelKernels& portable_kernels() {
  static constexpr LevelKernels kernels =
      make_kernels<WideDot<Simd, float>, WideDot<Simd, Bf16>, WideDot<Simd, Half>>();
  return kernels;
}

}  // namespace kvhost
