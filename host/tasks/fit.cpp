// SPDX-License-Identifier: Apache-2.0
#include "tasks/fit.hpp"

#include <algorithm>

namespace kvhost::tasks {

namespace {

// What is known: at `fits` the text fits, at `exceeds` it does not; nothing beyond them is tried.
struct Bracket {
  std::optional<size_t> fits, exceeds;
  int64_t tokens_at_fits = 0, tokens_at_exceeds = 0;
};

// As if tokens grew evenly.
size_t estimate(const Bracket& b, int64_t limit) {
  if (b.fits && b.exceeds) {
    const auto apart = static_cast<int64_t>(*b.exceeds - *b.fits);
    return *b.fits + static_cast<size_t>((limit - b.tokens_at_fits) * apart /
                                         (b.tokens_at_exceeds - b.tokens_at_fits));
  }
  const auto size = static_cast<int64_t>(b.fits ? *b.fits : *b.exceeds);
  const int64_t tokens = b.fits ? b.tokens_at_fits : b.tokens_at_exceeds;
  return static_cast<size_t>(size * limit / std::max<int64_t>(1, tokens));
}

}  // namespace

std::optional<size_t> largest_fit(const Sizes& sizes,
                                  int64_t limit,
                                  const std::function<int64_t(size_t)>& measure) {
  if (sizes.high < sizes.low || limit <= 0) return std::nullopt;
  Bracket b;
  size_t size = std::clamp(sizes.guess, sizes.low, sizes.high);
  for (size_t step = 1, turn = 1;; ++turn) {
    const int64_t tokens = measure(size);
    (tokens <= limit ? b.fits : b.exceeds) = size;
    (tokens <= limit ? b.tokens_at_fits : b.tokens_at_exceeds) = tokens;
    const size_t lowest = b.fits ? *b.fits + 1 : sizes.low;
    const size_t highest = b.exceeds ? *b.exceeds - 1 : sizes.high;
    if (lowest > highest) return b.fits;
    size = estimate(b, limit);
    if (b.fits && b.exceeds && turn % 3 == 0) size = lowest + (highest - lowest) / 2;
    if (!b.exceeds) size = std::max(size, *b.fits + step);
    if (!b.fits) size = std::min(size, *b.exceeds > step ? *b.exceeds - step : size_t{0});
    size = std::clamp(size, lowest, highest);
    step *= 2;
  }
}

}  // namespace kvhost::tasks
