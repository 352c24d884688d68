// SPDX-License-Identifier: Apache-2.0
#include "model/rotary_table.hpp"

#include <cmath>

#include "base/parallel.hpp"

namespace kvhost {

RotaryTable::RotaryTable(std::span<const float> inv_freq,
                         double attention_scaling,
                         int64_t first_position,
                         int64_t n_tokens)
    : half_(static_cast<int64_t>(inv_freq.size())),
      cos_(static_cast<size_t>(half_ * n_tokens)),
      sin_(static_cast<size_t>(half_ * n_tokens)) {
  const auto scaling = static_cast<float>(attention_scaling);
  parallel_for(n_tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t i = 0; i < half_; ++i) {
        const float angle =
            static_cast<float>(first_position + t) * inv_freq[static_cast<size_t>(i)];
        cos_[static_cast<size_t>(t * half_ + i)] = std::cos(angle) * scaling;
        sin_[static_cast<size_t>(t * half_ + i)] = std::sin(angle) * scaling;
      }
  });
}

PositionTables::PositionTables(const ModelConfig& config,
                               int64_t n_first,
                               int64_t first_position,
                               int64_t n_tokens) {
  const auto fill = [&](const RopeConfig& rope, std::optional<RotaryTable>& table) {
    if (!table)
      table.emplace(rope.frequencies(n_first), rope.attention_scaling, first_position, n_tokens);
  };
  for (int64_t layer = 0; layer < config.n_layers; ++layer)
    if (const RopeConfig* rope = config.rope_of(layer))
      fill(*rope, rope == &config.rope ? main_ : local_);
  for (int64_t t = 0; config.query_growth > 0 && t < n_tokens; ++t)
    query_scale_.push_back(config.query_scale(first_position + t));
}

const RotaryTable* PositionTables::rotary(const ModelConfig& config, int64_t layer) const {
  const RopeConfig* rope = config.rope_of(layer);
  if (!rope) return nullptr;
  return rope == &config.rope ? &*main_ : &*local_;
}

}  // namespace kvhost
