// SPDX-License-Identifier: Apache-2.0
// What is to be kept, as a user says it.
#pragma once

#include <cstdint>
#include <optional>

#include "spec/press_source.hpp"

namespace kvhost {

struct PolicyOptions {
  PressSource press;  // compresses the prompt; nothing said = the default composition
  // compresses while generating; nothing said = nothing does
  PressSource decode_press{PressSource::Form::None, "", "--decode-press", ""};

  // At most one; none: keep_ratio 0.25.
  std::optional<double> keep_ratio = {};         // kept / seen, in (0, 1]
  std::optional<double> compression_ratio = {};  // removed / seen, in [0, 1)
  std::optional<int64_t> budget = {};            // entries per layer and KV head on average, >= 1
  // A ratio leaves at least this many entries per head, so that short prompts are kept whole.
  int64_t min_entries = 128;

  int64_t decode_every = 0;      // tokens between cuts while generating; 0: 64
  int64_t decode_budget = 0;     // entries per head after a cut; 0: those of the prompt
  double decode_keep_ratio = 0;  // instead: share of all tokens seen so far; 0: not said

  bool budget_given() const { return keep_ratio || compression_ratio || budget; }
};

}  // namespace kvhost
