// SPDX-License-Identifier: Apache-2.0
// How many of the best `budget` entries over all heads fall into each head, when each head's own
// best few are safe.
#pragma once

#include <cstdint>
#include <vector>

namespace kvhost::allocators {

struct Candidates {
  const float* scores;       // [n] finite
  const int8_t* pins;        // [n]
  const int32_t* positions;  // [n] ascending
  int64_t n;
  int64_t safe;  // of its own best entries that this head keeps in any case; <= n
};

// Counts that sum to `budget` exactly. The order is the host's: pin descending, score descending,
// position ascending (descending among entries pinned to stay), head ascending. [throws] sdk::Error
// when there are fewer entries than the budget, or more safe ones.
std::vector<int64_t> joint_counts(const std::vector<Candidates>& heads, int64_t budget);

}  // namespace kvhost::allocators
