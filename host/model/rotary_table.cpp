// SPDX-License-Identifier: Apache-2.0
#include "model/rotary_table.hpp"

#include <cmath>

#include "base/parallel.hpp"

namespace kvhost {

RotaryTable::RotaryTable(const RopeConfig& rope, int64_t first_position, int64_t n_tokens)
    : half_(rope.rotary_dim / 2),
      cos_(static_cast<size_t>(half_ * n_tokens)),
      sin_(static_cast<size_t>(half_ * n_tokens)) {
  const auto scaling = static_cast<float>(rope.attention_scaling);
  parallel_for(n_tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t i = 0; i < half_; ++i) {
        const float angle =
            static_cast<float>(first_position + t) * rope.inv_freq[static_cast<size_t>(i)];
        cos_[static_cast<size_t>(t * half_ + i)] = std::cos(angle) * scaling;
        sin_[static_cast<size_t>(t * half_ + i)] = std::sin(angle) * scaling;
      }
  });
}

}  // namespace kvhost
