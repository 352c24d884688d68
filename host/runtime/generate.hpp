// SPDX-License-Identifier: Apache-2.0
// The token loop.
#pragma once

#include "runtime/engine.hpp"

namespace kvhost {

// Generates after a prefill whose last logits are `first_logits`; fills tokens, text, finish reason
// and the decode timings of `out` (whose prefill timings are there already). `logprobs`, when
// given, gets log p over the vocabulary for every generated token, [n][vocab_size].
void generate(const Request& request,
              const RunOptions& options,
              const Decoder& decoder,
              KvCache& cache,
              DecodeRun* decode_run,
              const std::vector<float>& first_logits,
              const std::function<void(std::string_view)>& on_text,
              Generation& out,
              std::vector<std::vector<float>>* logprobs);

// log softmax of a row of logits, in double inside.
std::vector<float> log_softmax(std::span<const float> logits);

}  // namespace kvhost
