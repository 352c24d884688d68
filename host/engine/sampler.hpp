// SPDX-License-Identifier: Apache-2.0
// The next token from logits: greedy unless temperature > 0.
#pragma once

#include <cstdint>
#include <random>
#include <span>

#include "base/likeliest.hpp"
#include "engine/sampling.hpp"

namespace kvhost {

// Throws Error(RunFailed) unless a token can be chosen by them: NaN would choose the first one, for
// ever. Gives the largest.
RowPeak require_usable_logits(std::span<const float> logits);

class Sampler {
 public:
  explicit Sampler(const SamplingOptions& options) : options_(options), generator_(options.seed) {}

  // logits: [vocab_size]. Ties go to the lower id. top_k, then top_p, as in the usual order of
  // these filters.
  int32_t next(std::span<const float> logits);

 private:
  SamplingOptions options_;
  std::mt19937_64 generator_;
};

}  // namespace kvhost
