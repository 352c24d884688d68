// SPDX-License-Identifier: Apache-2.0
// Vectors of the compiler's own kind and the few steps on them that need an instruction of their
// own: the flags of the including file say what they become. Included by level files only.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace kvhost {
namespace {

typedef uint8_t Bytes16 __attribute__((vector_size(16)));
typedef uint8_t Bytes __attribute__((vector_size(32)));
typedef int8_t SignedBytes __attribute__((vector_size(32)));
typedef int8_t SignedBytes16 __attribute__((vector_size(16)));
typedef uint16_t Halves __attribute__((vector_size(16)));  // 8 of half precision
typedef int16_t Codes __attribute__((vector_size(32)));    // 16 weights or inputs as small integers
typedef uint16_t Halfwords __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));
typedef uint32_t Words __attribute__((vector_size(32)));
typedef uint32_t Words4 __attribute__((vector_size(16)));
typedef float Floats __attribute__((vector_size(32)));

template <class To>
inline To load(const void* from) {
  To out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

template <class Vector>
inline void store(void* to, Vector v) {
  std::memcpy(to, &v, sizeof v);
}

inline Floats all(float x) { return Floats{x, x, x, x, x, x, x, x}; }
inline Floats floats(Ints v) { return __builtin_convertvector(v, Floats); }

// Compilers widen by several steps what takes one.
#if defined(__AVX2__)
inline Codes widen(Bytes16 v) {
  return reinterpret_cast<Codes>(_mm256_cvtepu8_epi16(reinterpret_cast<__m128i>(v)));
}
inline Codes widen(SignedBytes16 v) {
  return reinterpret_cast<Codes>(_mm256_cvtepi8_epi16(reinterpret_cast<__m128i>(v)));
}
inline Floats eight_floats(const uint8_t* from) {
  return floats(reinterpret_cast<Ints>(_mm256_cvtepu8_epi32(_mm_loadu_si64(from))));
}
inline Floats eight_floats(const int8_t* from) {
  return floats(reinterpret_cast<Ints>(_mm256_cvtepi8_epi32(_mm_loadu_si64(from))));
}
#else
inline Codes widen(Bytes16 v) {
  return reinterpret_cast<Codes>(__builtin_convertvector(v, Halfwords));
}
inline Codes widen(SignedBytes16 v) { return __builtin_convertvector(v, Codes); }
template <class Byte>
inline Floats eight_floats(const Byte* from) {
  Floats out;
  for (int i = 0; i < 8; ++i) out[i] = static_cast<float>(from[i]);
  return out;
}
#endif

// The first and the last 16 of 32 weights or inputs.
struct Group {
  Codes low, high;
};

inline Group widen(SignedBytes v) {
  SignedBytes16 halves[2];
  std::memcpy(halves, &v, sizeof v);
  return {widen(halves[0]), widen(halves[1])};
}

struct TwoFloats {
  Floats low, high;
};

inline TwoFloats sixteen_floats(Bytes16 v) {
#if defined(__AVX2__)
  const auto low = reinterpret_cast<__m128i>(v);
  const auto floats_of = [](__m128i bytes) {
    return floats(reinterpret_cast<Ints>(_mm256_cvtepu8_epi32(bytes)));
  };
  return {floats_of(low), floats_of(_mm_srli_si128(low, 8))};
#else
  uint8_t bytes[16];
  store(bytes, v);
  return {eight_floats(bytes), eight_floats(bytes + 8)};
#endif
}

inline TwoFloats floats(Codes v) {
  typedef int16_t Codes8 __attribute__((vector_size(16)));
  Codes8 halves[2];
  std::memcpy(halves, &v, sizeof v);
#if defined(__AVX2__)
  const auto ints = [](Codes8 x) {
    return reinterpret_cast<Ints>(_mm256_cvtepi16_epi32(reinterpret_cast<__m128i>(x)));
  };
#else
  const auto ints = [](Codes8 x) { return __builtin_convertvector(x, Ints); };
#endif
  return {floats(ints(halves[0])), floats(ints(halves[1]))};
}

// The 8 sums of neighbouring products.
inline Ints pair_products(Codes a, Codes b) {
#if defined(__AVX2__)
  return reinterpret_cast<Ints>(
      _mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  __m128i x[2], y[2];
  std::memcpy(x, &a, sizeof a);
  std::memcpy(y, &b, sizeof b);
  x[0] = _mm_madd_epi16(x[0], y[0]);
  x[1] = _mm_madd_epi16(x[1], y[1]);
  return load<Ints>(x);
#else
  Ints out;
  for (int i = 0; i < 8; ++i) out[i] = a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
  return out;
#endif
}

inline Ints add_pair_products(Ints sum, Codes a, Codes b) {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
  return reinterpret_cast<Ints>(_mm256_dpwssd_epi32(
      reinterpret_cast<__m256i>(sum), reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
  return sum + pair_products(a, b);
#endif
}

// Where bytes can be multiplied as they are, weights need no widening: four products to a lane.
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
constexpr bool kByteProducts = true;

inline Ints add_quad_products(Ints sum, Bytes a, SignedBytes b) {
  return reinterpret_cast<Ints>(_mm256_dpbusd_epi32(
      reinterpret_cast<__m256i>(sum), reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
}

// The first of two floats four times, then the second.
inline Floats each_four_times(const float* two) {
  const __m128i both = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(two));
  return reinterpret_cast<Floats>(_mm256_permutevar8x32_ps(
      _mm256_castps128_ps256(_mm_castsi128_ps(both)), _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1)));
}
#else
constexpr bool kByteProducts = false;
#endif

// Bits of each byte moved up, or down where kUp < 0. No step does that to bytes: those that come out of a neighbour's are
// the caller's to mask.
template <int kUp>
inline Bytes moved(Bytes v) {
  const auto words = reinterpret_cast<Halfwords>(v);
  if constexpr (kUp >= 0)
    return reinterpret_cast<Bytes>(words << kUp);
  else
    return reinterpret_cast<Bytes>(words >> -kUp);
}

// The low nibbles of 16 bytes, then the high ones.
inline Bytes nibble_bytes(const uint8_t* from) {
#if defined(__AVX2__)
  const __m256i twice =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  const __m256i shifted = _mm256_srlv_epi32(twice, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4));
  return reinterpret_cast<Bytes>(shifted) & 15;
#else
  const auto both = load<Bytes16>(from);
  const Bytes16 halves[2] = {both & 15, both >> 4};
  return load<Bytes>(halves);
#endif
}

// `on` for every one of 32 bits that is set.
inline Bytes chosen_bytes(uint32_t bits, uint8_t on) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  return reinterpret_cast<Bytes>(_mm256_maskz_set1_epi8(bits, static_cast<char>(on)));
#else
  Bytes out;
  for (int i = 0; i < 32; ++i) out[i] = bits >> i & 1 ? on : 0;
  return out;
#endif
}

// v[i] for every byte i of `where`, which are below 16.
inline Bytes16 shuffled(Bytes16 v, Bytes16 where) {
#if defined(__SSSE3__)
  return reinterpret_cast<Bytes16>(
      _mm_shuffle_epi8(reinterpret_cast<__m128i>(v), reinterpret_cast<__m128i>(where)));
#else
  Bytes16 out;
  for (int i = 0; i < 16; ++i) out[i] = v[where[i]];
  return out;
#endif
}

// The same for twice as many.
inline Bytes looked_up(Bytes16 table, Bytes indices) {
#if defined(__AVX2__)
  return reinterpret_cast<Bytes>(
      _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(reinterpret_cast<__m128i>(table)),
                          reinterpret_cast<__m256i>(indices)));
#else
  Bytes out;
  for (int i = 0; i < 32; ++i) out[i] = table[indices[i]];
  return out;
#endif
}

// a b + c, rounded once where the processor can: for sums, never for the weights themselves.
inline Floats fused(Floats a, Floats b, Floats c) {
#if defined(__FMA__)
  return reinterpret_cast<Floats>(_mm256_fmadd_ps(
      reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), reinterpret_cast<__m256>(c)));
#else
  return a * b + c;
#endif
}

// Eight numbers to one in three steps, each of which joins halves: in order it takes eight.
template <class Vector, class Join>
inline auto joined(Vector v, const Join& join) {
  typedef decltype(v[0] + v[0]) Number;
  typedef Number Four __attribute__((vector_size(16)));
  Four halves[2];
  std::memcpy(halves, &v, sizeof v);
  Four all_four = join(halves[0], halves[1]);
  all_four = join(all_four, __builtin_shufflevector(all_four, all_four, 2, 3, 0, 1));
  return join(all_four, __builtin_shufflevector(all_four, all_four, 1, 0, 3, 2))[0];
}

inline float total(Floats v) {
  return joined(v, [](auto a, auto b) { return a + b; });
}

inline int32_t total(Ints v) {
  return joined(v, [](auto a, auto b) { return a + b; });
}

inline float largest(Floats v) {
  return joined(v, [](auto a, auto b) { return a > b ? a : b; });
}

// Numbers of half precision, bit by bit where the processor has no step for it.
inline float widen_half(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16, rest = bits & 0x7fffu;
  if (rest < 0x400u) {  // subnormal: a multiple of 2^-24
    const float magnitude = static_cast<float>(rest) * 0x1p-24F;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t exponent = rest >= 0x7c00u ? 0x70000000u : 0x38000000u;
  const uint32_t quiet = rest > 0x7c00u ? 0x400000u : 0;
  const uint32_t wide = sign | ((rest << 13) + exponent) | quiet;
  return load<float>(&wide);
}

inline Floats widen_halves(Halves v) {
#if defined(__F16C__)
  return reinterpret_cast<Floats>(_mm256_cvtph_ps(reinterpret_cast<__m128i>(v)));
#else
  Floats out;
  for (int i = 0; i < 8; ++i) out[i] = widen_half(v[i]);
  return out;
#endif
}

inline float half(const uint8_t* from) {
#if defined(__F16C__)
  return _cvtsh_ss(load<uint16_t>(from));
#else
  return widen_half(load<uint16_t>(from));
#endif
}

}  // namespace
}  // namespace kvhost
