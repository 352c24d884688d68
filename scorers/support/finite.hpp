// SPDX-License-Identifier: Apache-2.0
// For entries that a method keeps or ranks without doing sums with them: NaN must not pass unseen.
#pragma once

#include <kvhost/sdk.hpp>

namespace kvhost::scorers {

// [throws] KVH_E_INTERNAL when rows [begin, end) hold NaN or infinity.
inline void require_finite(const sdk::Matrix& rows, int64_t begin, int64_t end, const char* what) {
  std::vector<float> scratch;
  for (int64_t i = begin; i < end; ++i) {
    const float* row = rows.row(i, scratch);
    float lane[8] = {};  // 0 * x is NaN for NaN and infinity; the lanes let a compiler vectorise
    for (int64_t j = 0; j + 8 <= rows.cols(); j += 8) {
      for (int64_t k = 0; k < 8; ++k) lane[k] += 0.0f * row[j + k];
    }
    for (int64_t j = rows.cols() / 8 * 8; j < rows.cols(); ++j) lane[0] += 0.0f * row[j];
    if (std::accumulate(lane, lane + 8, 0.0f) != 0) {
      throw sdk::Error(KVH_E_INTERNAL,
                       "",
                       std::string("the ") + what + " of entry " + std::to_string(i) +
                           " holds NaN or infinity; expected numbers");
    }
  }
}

}  // namespace kvhost::scorers
