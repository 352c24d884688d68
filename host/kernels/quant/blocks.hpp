// SPDX-License-Identifier: Apache-2.0
// The block types of GGML, each as groups of 32 weights: scale * code + least, where a scale
// belongs to 32 or 16 weights. The layouts are those of ggml-common.h. Included by level files
// only.
#pragma once

#include "kernels/quant/leading.hpp"
#include "kernels/quant/vectors.hpp"

namespace kvhost {
namespace {

// Codes come as codes(), 16 bits each and signed, as bytes(), unsigned, kZero more than they are, or as both, where
// neither is as cheap to make from the other.

// Of 256 weights: scales and least weights of each group, or of each half of a group in order.
template <int kHalves>
struct Scales {
  Floats scale[kHalves];
  Floats least[kHalves];  // only where codes are not signed
};

// What all types say. Eight blocks of 32 make a step, or one of 256.
template <int kBytesOf, int kGroupsOf, int kHalvesOf, bool kLeastOf>
struct BlockType {
  static constexpr int kBytes = kBytesOf;    // of a block
  static constexpr int kGroups = kGroupsOf;  // of a block: 1 or 8
  static constexpr int kHalves = kHalvesOf;  // scales per group
  static constexpr bool kLeast = kLeastOf;
  static constexpr int kZero = 0;  // what bytes() are more than codes, unless a type says more
  static constexpr int kStepBytes = kBytes * (8 / kGroups);
  using Scale = Scales<kHalves>;
};

// Of blocks of 32 that begin with a scale; n of the 8 are there.
template <int kBytes>
inline Scales<1> leading_scales(const uint8_t* block, int n) {
  return {{widen_halves(leading_halves<kBytes>(block, n))}, {}};
}

// The same of a scale and a least weight.
template <int kBytes>
inline Scales<1> leading_scales_and_least(const uint8_t* block, int n) {
  const auto [scale, least] = leading_pairs<kBytes>(block, n);
  return {{widen_halves(scale)}, {widen_halves(least)}};
}

inline Group nibbles(const uint8_t* from) {
  const Codes both = widen(load<Bytes16>(from));
  return {both & 15, reinterpret_cast<Codes>(reinterpret_cast<Halfwords>(both) >> 4)};
}

// Of each of 16 weights its bit in a word of 16: `on` where it is set.
inline Codes chosen(uint16_t bits, int16_t on) {
  constexpr Halfwords kBit = {
      1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
  const Halfwords each = (Halfwords{} + bits) & kBit;
  return reinterpret_cast<Codes>(each == kBit) & on;
}

inline Group with_fifth_bits(Group low, const uint8_t* bits) {
  return {low.low | chosen(load<uint16_t>(bits), 16),
          low.high | chosen(load<uint16_t>(bits + 2), 16)};
}

struct Q8_0 : BlockType<34, 1, 1, false> {
  static Scale scales(const uint8_t* block, int n) { return leading_scales<kBytes>(block, n); }
  template <int G>
  static Group codes(const uint8_t* block) {
    block += G * kBytes;
    return {widen(load<SignedBytes16>(block + 2)), widen(load<SignedBytes16>(block + 18))};
  }
};

struct Q4_0 : BlockType<18, 1, 1, false> {
  static constexpr int kZero = 8;
  static Scale scales(const uint8_t* block, int n) { return leading_scales<kBytes>(block, n); }
  template <int G>
  static Group codes(const uint8_t* block) {
    block += G * kBytes;
    const Group group = nibbles(block + 2);
    return {group.low - 8, group.high - 8};
  }
  template <int G>
  static Bytes bytes(const uint8_t* block) {
    return nibble_bytes(block + G * kBytes + 2);
  }
};

struct Q4_1 : BlockType<20, 1, 1, true> {
  static Scale scales(const uint8_t* block, int n) {
    return leading_scales_and_least<kBytes>(block, n);
  }
  template <int G>
  static Group codes(const uint8_t* block) {
    block += G * kBytes;
    return nibbles(block + 4);
  }
  template <int G>
  static Bytes bytes(const uint8_t* block) {
    return nibble_bytes(block + G * kBytes + 4);
  }
};

struct Q5_0 : BlockType<22, 1, 1, false> {
  static constexpr int kZero = 16;
  static Scale scales(const uint8_t* block, int n) { return leading_scales<kBytes>(block, n); }
  template <int G>
  static Group codes(const uint8_t* block) {
    block += G * kBytes;
    const Group group = with_fifth_bits(nibbles(block + 6), block + 2);
    return {group.low - 16, group.high - 16};
  }
  template <int G>
  static Bytes bytes(const uint8_t* block) {
    block += G * kBytes;
    return nibble_bytes(block + 6) | chosen_bytes(load<uint32_t>(block + 2), 16);
  }
};

struct Q5_1 : BlockType<24, 1, 1, true> {
  static Scale scales(const uint8_t* block, int n) {
    return leading_scales_and_least<kBytes>(block, n);
  }
  template <int G>
  static Group codes(const uint8_t* block) {
    block += G * kBytes;
    return with_fifth_bits(nibbles(block + 8), block + 4);
  }
  template <int G>
  static Bytes bytes(const uint8_t* block) {
    block += G * kBytes;
    return nibble_bytes(block + 8) | chosen_bytes(load<uint32_t>(block + 4), 16);
  }
};

struct Mxfp4 : BlockType<17, 1, 1, false> {
  static constexpr int kZero = 12;
  // Powers of two; the codes are twice the values of e2m1.
  static Scale scales(const uint8_t* block, int n) {
    const auto at = [&](int i) {
      const uint32_t exponent = i < n ? block[i * kBytes] : 0;
      return exponent < 2 ? 0x200000u << exponent : (exponent - 1) << 23;
    };
    const Words bits = {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
    return {{reinterpret_cast<Floats>(bits)}, {}};
  }
  template <int G>
  static Group codes(const uint8_t* block) {
    const auto both = load<Bytes16>(block + G * kBytes + 1);
    return {widen(values(both & 15)), widen(values(both >> 4))};
  }
  static SignedBytes16 values(Bytes16 codes) {
    constexpr SignedBytes16 kValues = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    return reinterpret_cast<SignedBytes16>(shuffled(reinterpret_cast<Bytes16>(kValues), codes));
  }
  template <int G>
  static Bytes bytes(const uint8_t* block) {
    constexpr Bytes16 kValues = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};
    return looked_up(kValues, nibble_bytes(block + G * kBytes + 1));
  }
};

// Two bits a weight: the groups of each half of the block lie in the same 32 bytes.
template <int G>
inline Bytes two_bits(const uint8_t* quarters) {
  return moved<-(G % 4 * 2)>(load<Bytes>(quarters + G / 4 * 32)) & 3;
}

struct Q2_K : BlockType<84, 8, 2, true> {
  static Scale scales(const uint8_t* block, int) {
    const Floats d = all(half(block + 80)), least = all(-half(block + 82));
    const auto packed = load<Bytes16>(block);
    const TwoFloats scale = sixteen_floats(packed & 15), minimum = sixteen_floats(packed >> 4);
    return {{d * scale.low, d * scale.high}, {least * minimum.low, least * minimum.high}};
  }
  template <int G>
  static Bytes bytes(const uint8_t* block) {
    return two_bits<G>(block + 16);
  }
};

struct Q3_K : BlockType<110, 8, 2, false> {
  static constexpr int kZero = 4;
  static constexpr uint64_t kNibbles = 0x0f0f0f0f0f0f0f0f, kTwoBits = 0x0303030303030303;
  static Scale scales(const uint8_t* block, int) {
    const auto low = load<uint64_t>(block + 96);
    const uint64_t high = load<uint32_t>(block + 104);
    const uint64_t scale[2] = {(low & kNibbles) | ((high | high << 30) & kTwoBits) << 4,
                               (low >> 4 & kNibbles) | ((high >> 4 | high << 26) & kTwoBits) << 4};
    uint8_t bytes[16];
    std::memcpy(bytes, scale, sizeof bytes);
    const Floats d = all(half(block + 108)), zero = all(32);
    return {{d * (eight_floats(bytes) - zero), d * (eight_floats(bytes + 8) - zero)}, {}};
  }
  template <int G>
  static Bytes bytes(const uint8_t* block) {
    const Bytes third = moved<2 - G>(load<Bytes>(block)) & 4;  // set: not 4 less
    return two_bits<G>(block + 32) | third;
  }
};

// Scales and minima of 6 bits in 12 bytes, as Q4_K and Q5_K have them after two halves: each row of four has its lower
// bits in one word, and the second and fourth their upper two in another, above six bits of the first and third.
constexpr Bytes16 kSixBitLower = {4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15};
constexpr Bytes16 kSixBitUpper = {0, 0, 0, 0, 4, 5, 6, 7, 0, 0, 0, 0, 8, 9, 10, 11};
constexpr Words4 kSixBitShift = {0, 0, 0, 4};
constexpr Words4 kSixBitLowerBits = {0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f};
constexpr Words4 kSixBitUpperBits = {0, 0x30303030, 0, 0x30303030};

inline Scales<1> six_bit_scales(const uint8_t* block) {
  const auto packed = load<Bytes16>(block);
  const auto lower = reinterpret_cast<Words4>(shuffled(packed, kSixBitLower)) >> kSixBitShift;
  const auto upper = reinterpret_cast<Words4>(shuffled(packed, kSixBitUpper)) >> 2;
  const auto [scale, least] = sixteen_floats(
      reinterpret_cast<Bytes16>((lower & kSixBitLowerBits) | (upper & kSixBitUpperBits)));
  return {{all(half(block)) * scale}, {all(-half(block + 2)) * least}};
}

// Neighbouring groups share 32 bytes: one in the low nibbles, one in the high ones.
template <int G>
inline Bytes paired_nibbles(const uint8_t* from) {
  const auto both = load<Bytes>(from + G / 2 * 32);
  return G % 2 == 0 ? both & 15 : both >> 4;
}

struct Q4_K : BlockType<144, 8, 1, true> {
  static constexpr bool kSixBits = true;
  static Scale scales(const uint8_t* block, int) { return six_bit_scales(block); }
  template <int G>
  static Bytes bytes(const uint8_t* block) {
    return paired_nibbles<G>(block + 16);
  }
};

struct Q5_K : BlockType<176, 8, 1, true> {
  static constexpr bool kSixBits = true;
  static Scale scales(const uint8_t* block, int) { return six_bit_scales(block); }
  template <int G>
  static Bytes bytes(const uint8_t* block) {
    const Bytes fifth = moved<4 - G>(load<Bytes>(block + 16)) & 16;
    return paired_nibbles<G>(block + 48) | fifth;
  }
};

struct Q6_K : BlockType<210, 8, 2, false> {
  static constexpr int kZero = 32;
  static Scale scales(const uint8_t* block, int) {
    const Floats d = all(half(block + 208));
    const auto* scale = reinterpret_cast<const int8_t*>(block + 192);
    return {{d * eight_floats(scale), d * eight_floats(scale + 8)}, {}};
  }
  template <int G>
  static Bytes bytes(const uint8_t* block) {
    const auto both = load<Bytes>(block + G / 4 * 64 + G % 2 * 32);
    const Bytes low = G % 4 < 2 ? both & 15 : both >> 4;
    const Bytes high = moved<4 - G % 4 * 2>(load<Bytes>(block + 128 + G / 4 * 32)) & 48;
    return low | high;
  }
};

}  // namespace
}  // namespace kvhost
