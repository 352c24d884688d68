// SPDX-License-Identifier: Apache-2.0
// As described at https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
#include "base/xxh64.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace kvhost {
namespace {

constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F,
                   kPrime3 = 0x165667B19E3779F9, kPrime4 = 0x85EBCA77C2B2AE63,
                   kPrime5 = 0x27D4EB2F165667C5;
constexpr size_t kBlock = 32;

template <typename T>
uint64_t load(const unsigned char* from) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

uint64_t round(uint64_t lane, uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

void add_blocks(std::array<uint64_t, 4>& lanes, const unsigned char* from, size_t n_blocks) {
  auto [a, b, c, d] = lanes;  // in registers
  for (const unsigned char* end = from + n_blocks * kBlock; from != end; from += kBlock) {
    a = round(a, load<uint64_t>(from));
    b = round(b, load<uint64_t>(from + 8));
    c = round(c, load<uint64_t>(from + 16));
    d = round(d, load<uint64_t>(from + 24));
  }
  lanes = {a, b, c, d};
}

uint64_t merge(const std::array<uint64_t, 4>& lanes) {
  uint64_t hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
                  std::rotl(lanes[3], 18);
  for (const uint64_t lane : lanes) hash = (hash ^ round(0, lane)) * kPrime1 + kPrime4;
  return hash;
}

// The bytes behind the last whole block.
uint64_t add_rest(uint64_t hash, const unsigned char* from, size_t n) {
  for (; n >= 8; from += 8, n -= 8)
    hash = std::rotl(hash ^ round(0, load<uint64_t>(from)), 27) * kPrime1 + kPrime4;
  for (; n >= 4; from += 4, n -= 4)
    hash = std::rotl(hash ^ (load<uint32_t>(from) * kPrime1), 23) * kPrime2 + kPrime3;
  for (; n > 0; ++from, --n) hash = std::rotl(hash ^ (*from * kPrime5), 11) * kPrime1;
  return hash;
}

}  // namespace

void Xxh64::update(const void* bytes, size_t n) {
  const auto* from = static_cast<const unsigned char*>(bytes);
  if (const size_t n_held = n_ % kBlock; n_held > 0) {
    const size_t taken = std::min(n, kBlock - n_held);
    std::memcpy(held_.data() + n_held, from, taken);
    n_ += taken;
    from += taken;
    n -= taken;
    if (n_ % kBlock != 0) return;
    add_blocks(lanes_, held_.data(), 1);
  }
  add_blocks(lanes_, from, n / kBlock);
  if (n % kBlock != 0) std::memcpy(held_.data(), from + n / kBlock * kBlock, n % kBlock);
  n_ += n;
}

uint64_t Xxh64::value() const {
  uint64_t hash = (n_ >= kBlock ? merge(lanes_) : kPrime5) + n_;
  hash = add_rest(hash, held_.data(), n_ % kBlock);
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

std::string Xxh64::hex() const {
  std::string text(16, '0');
  uint64_t rest = value();
  for (size_t i = 16; i-- > 0; rest >>= 4) text[i] = "0123456789abcdef"[rest & 15];
  return text;
}

}  // namespace kvhost
