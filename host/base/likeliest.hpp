// SPDX-License-Identifier: Apache-2.0
// The greedy choice, the same wherever tokens are taken or compared.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace kvhost {

// Of a row of logits or log-probabilities; ties to the lower id.
inline int64_t likeliest(std::span<const float> row) {
  return std::max_element(row.begin(), row.end()) - row.begin();
}

}  // namespace kvhost
