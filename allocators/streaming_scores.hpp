// SPDX-License-Identifier: Apache-2.0
// How much of a head's attention lies on recent tokens, from a prompt's mean query and mean key
// alone.
#pragma once

#include <kvhost/sdk.hpp>
#include <vector>

namespace kvhost::allocators {

// The means stand at `length` consecutive positions; the last one's softmax over all of them,
// summed up from the first position on, is averaged over positions: 1 where all attention goes to
// the first token, 1 / length where it stays on the last. Small = recent only = the head may
// stream. As kvpress 0.5.5 duo_attention_on_the_fly. Needs the queries of all tokens; keys must
// hold all tokens. -> [n_kv_heads], means over each group.
std::vector<double> streaming_scores(const sdk::Layer& layer, int64_t length);

}  // namespace kvhost::allocators
