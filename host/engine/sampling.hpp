// SPDX-License-Identifier: Apache-2.0
// How the next token is chosen.
#pragma once

#include <cstdint>

namespace kvhost {

struct SamplingOptions {
  double temperature = 0;  // 0: greedy, ties to the lower id
  double top_p = 1;        // sample from the smallest set with this probability
  int64_t top_k = 0;       // sample from the k most likely tokens; 0: all
  uint64_t seed = 0;
};

}  // namespace kvhost
