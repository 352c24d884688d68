// SPDX-License-Identifier: Apache-2.0
// Places of numbers by falling size, ties to the lower place, sorted only as far as they are asked for: of a vocabulary
// of a hundred thousand tokens few are ever looked at.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace kvhost {

class Ranking {
 public:
  // The numbers are read while the ranking is used: they have to stay, and hold no NaN.
  explicit Ranking(std::span<const float> numbers) : numbers_(numbers), order_(numbers.size()) {
    std::iota(order_.begin(), order_.end(), 0);
  }
  size_t size() const { return order_.size(); }
  // Where the rank-th largest stands, from 0 on; below size().
  int32_t operator[](size_t rank) {
    // What is read to its end is sorted in a few steps.
    constexpr size_t kFirst = 64, kGrowth = 16;
    if (rank >= sorted_)
      sort_to(std::min(order_.size(), std::max({rank + 1, kFirst, kGrowth * sorted_})));
    return order_[rank];
  }

 private:
  void sort_to(size_t end) {
    const auto before = [&](int32_t a, int32_t b) {
      const float x = numbers_[static_cast<size_t>(a)], y = numbers_[static_cast<size_t>(b)];
      return x != y ? x > y : a < b;
    };
    const auto at = [&](size_t rank) { return order_.begin() + static_cast<std::ptrdiff_t>(rank); };
    std::partial_sort(at(sorted_), at(end), order_.end(), before);
    sorted_ = end;
  }

  std::span<const float> numbers_;
  std::vector<int32_t> order_;
  size_t sorted_ = 0;
};

}  // namespace kvhost
