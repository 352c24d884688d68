// SPDX-License-Identifier: Apache-2.0
// MT19937 seeded the way CPython's random.seed(int) does, so that published shuffles can be
// repeated. Paper: Matsumoto and Nishimura, 1998 (doi:10.1145/272991.272995). Checked against:
// CPython 3.11 random.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kvhost::allocators {

class MersenneTwister {
 public:
  explicit MersenneTwister(uint64_t seed) {
    // CPython's key: the 32-bit digits of the seed, lowest first; zero has one digit.
    std::vector<uint32_t> key{static_cast<uint32_t>(seed)};
    if (seed >> 32 != 0) key.push_back(static_cast<uint32_t>(seed >> 32));
    mix_in(key);
  }

  uint32_t next() {
    if (at_ == kSize) refill();
    uint32_t y = state_[at_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }

  // Uniform in [0, n), n > 0: as many top bits as n has, drawn again while too large.
  uint32_t below(uint32_t n) {
    int bits = 0;
    for (uint32_t m = n; m != 0; m >>= 1) ++bits;
    uint32_t draw = next() >> (32 - bits);
    while (draw >= n) draw = next() >> (32 - bits);
    return draw;
  }

 private:
  static constexpr size_t kSize = 624;
  static constexpr size_t kShift = 397;

  uint32_t mixed(size_t i, uint32_t factor) const {
    return (state_[i - 1] ^ (state_[i - 1] >> 30)) * factor;
  }

  void mix_in(const std::vector<uint32_t>& key) {
    state_[0] = 19650218u;
    for (size_t i = 1; i < kSize; ++i) {
      state_[i] = mixed(i, 1812433253u) + static_cast<uint32_t>(i);
    }
    size_t i = 1, j = 0;
    for (size_t k = 0; k < kSize; ++k) {
      state_[i] = (state_[i] ^ mixed(i, 1664525u)) + key[j] + static_cast<uint32_t>(j);
      i = wrapped(i + 1);
      j = (j + 1) % key.size();
    }
    for (size_t k = 0; k + 1 < kSize; ++k) {
      state_[i] = (state_[i] ^ mixed(i, 1566083941u)) - static_cast<uint32_t>(i);
      i = wrapped(i + 1);
    }
    state_[0] = 0x80000000u;
  }

  size_t wrapped(size_t i) {
    if (i < kSize) return i;
    state_[0] = state_[kSize - 1];
    return 1;
  }

  void refill() {
    for (size_t i = 0; i < kSize; ++i) {
      const uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % kSize] & 0x7fffffffu);
      state_[i] = state_[(i + kShift) % kSize] ^ (y >> 1) ^ ((y & 1u) != 0 ? 0x9908b0dfu : 0u);
    }
    at_ = 0;
  }

  uint32_t state_[kSize];
  size_t at_ = kSize;
};

}  // namespace kvhost::allocators
