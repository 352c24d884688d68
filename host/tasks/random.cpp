// SPDX-License-Identifier: Apache-2.0
#include "tasks/random.hpp"

#include <cassert>
#include <unordered_map>

namespace kvhost::tasks {

namespace {

uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

uint64_t rotated(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

uint64_t seed_of(uint64_t seed, std::string_view name, uint64_t number) {
  uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return mixed(mixed(seed) ^ hash) + number;
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = mixed(seed += 0x9E3779B97F4A7C15ULL);
}

Random::Random(uint64_t seed, std::string_view name, uint64_t number)
    : Random(seed_of(seed, name, number)) {}

uint64_t Random::bits() {
  const uint64_t out = rotated(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = rotated(state_[3], 45);
  return out;
}

uint64_t Random::below(uint64_t n) {
  assert(n > 0);
  const uint64_t biased = (0 - n) % n;  // so many of the lowest are left out
  for (;;)
    if (const uint64_t x = bits(); x >= biased) return x % n;
}

std::vector<size_t> Random::sample(size_t n, size_t k) {
  assert(k <= n);
  std::unordered_map<size_t, size_t> moved;  // a shuffle of 0 .. n - 1 of which k steps are made
  const auto at = [&](size_t i) {
    const auto found = moved.find(i);
    return found == moved.end() ? i : found->second;
  };
  std::vector<size_t> out;
  for (size_t i = 0; i < k; ++i) {
    const size_t j = i + below(n - i);
    out.push_back(at(j));
    moved[j] = at(i);
  }
  return out;
}

}  // namespace kvhost::tasks
