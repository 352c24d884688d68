// SPDX-License-Identifier: Apache-2.0
// How close a compressed cache stays to the full one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/api.hpp"
#include "engine/sequence.hpp"

namespace kvhost {

// KL(p || q) of two rows of log-probabilities, in nats; rounding may leave it a little below 0.
KVHOST_API double divergence(std::span<const float> p, std::span<const float> q);

// A continuation that the full cache generated, and what it thought of every token.
struct FullRun {
  Generation generation;
  std::vector<std::vector<float>> logprobs;  // [n][vocab_size] before each generated token
};

// Teacher-forces the full cache's own continuation through `compressed`, which is changed. The
// first token is left out: both predict it from the same exact prefill. Empty when fewer than two
// tokens were generated.
KVHOST_API std::optional<Agreement> agreement(Sequence& compressed, const FullRun& full);

}  // namespace kvhost
