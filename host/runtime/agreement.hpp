// SPDX-License-Identifier: Apache-2.0
// How close a compressed cache stays to the full one.
#pragma once

#include <optional>

#include "runtime/engine.hpp"

namespace kvhost {

struct FullRun {
  Generation generation;
  std::vector<std::vector<float>> logprobs;  // [n][vocab_size] before each generated token
};

// Teacher-forces the full cache's own continuation through the compressed `cache`. The first token
// is left out: both predict it from the same exact prefill. Empty when fewer than two tokens were
// generated.
std::optional<Agreement> agreement(const Request& request,
                                   const Decoder& decoder,
                                   KvCache& cache,
                                   const FullRun& full,
                                   uint64_t seed);

}  // namespace kvhost
