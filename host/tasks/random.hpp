// SPDX-License-Identifier: Apache-2.0
// Random choices that are the same on every machine: xoshiro256**, seeded through splitmix64.
// The standard library's distributions are each library's own, so none is used.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace kvhost::tasks {

class Random {
 public:
  explicit Random(uint64_t seed);
  // A stream of its own for everything that has a name and a number: case 7 of a task is the same
  // whether or not cases 0 to 6 were made.
  Random(uint64_t seed, std::string_view name, uint64_t number);

  uint64_t bits();                              // 64 of them
  uint64_t below(uint64_t n);                   // [0, n), n > 0; all alike
  int64_t between(int64_t low, int64_t high) {  // [low, high]
    return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low) + 1));
  }

  template <class T>
  const T& choice(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }
  // k different numbers below n, in the order drawn.
  std::vector<size_t> sample(size_t n, size_t k);

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace kvhost::tasks
