// SPDX-License-Identifier: Apache-2.0
// The token loop.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/api.hpp"
#include "engine/sequence.hpp"

namespace kvhost {

struct GenerationLimits {
  int64_t max_new_tokens = 64;
  std::vector<std::string> stop;  // ends before the first of these texts
};

struct GenerationSinks {
  // Text as it becomes final: never part of a character or of a stop text. May be empty.
  std::function<void(std::string_view text)> on_text;
  // Every token as it is chosen, with the text that became final by it. May be empty.
  std::function<void(int32_t token, std::string_view text)> on_token;
  // The logits that each token was chosen by. May be empty.
  std::function<void(std::span<const float> logits)> on_logits;
};

// Lets `sequence` go on until a limit, a stop text or the model's own end. Fills tokens, text,
// finish reason and the decode timings. Throws Error(Interrupted) between tokens when the engine's
// context says so; the sequence is then as after the last token that was read.
KVHOST_API Generation generate(Sequence& sequence,
                               const GenerationLimits& limits,
                               const GenerationSinks& sinks = {});

}  // namespace kvhost
