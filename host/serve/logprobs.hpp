// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "serve/events.hpp"

namespace kvhost {

// log p(token) by these logits [vocab_size], and the `n_top` likeliest tokens, ties to the lower id.
TokenLogprob token_logprob(std::span<const float> logits, int32_t token, int64_t n_top);

}  // namespace kvhost
