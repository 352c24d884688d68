// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace kvhost {

// XXH64 (seed 0) of bytes that come in pieces: tells damage, ten times as fast as SHA-256. Whoever
// wants two texts to have the same hash can find them.
class Xxh64 {
 public:
  void update(const void* bytes, size_t n);
  uint64_t value() const;   // of all so far
  std::string hex() const;  // the same as 16 digits

 private:
  static constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F;

  std::array<uint64_t, 4> lanes_ = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
  std::array<unsigned char, 32> held_{};  // the first n_ % 32: no whole block yet
  uint64_t n_ = 0;
};

}  // namespace kvhost
