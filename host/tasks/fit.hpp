// SPDX-License-Identifier: Apache-2.0
// How large a text may be made so that it has no more than so many tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace kvhost::tasks {

struct Sizes {
  size_t low = 1, high = 1;  // both allowed
  size_t guess = 1;          // a good one saves most of the counting
};

// The largest size that `measure` finds within `limit`; nothing when the lowest is too long. Where
// a larger size happens to be shorter it may be one of several such; it always fits.
std::optional<size_t> largest_fit(const Sizes& sizes,
                                  int64_t limit,
                                  const std::function<int64_t(size_t)>& measure);

}  // namespace kvhost::tasks
