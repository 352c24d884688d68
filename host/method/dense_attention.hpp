// SPDX-License-Identifier: Apache-2.0
// Attention probabilities for methods that look at them, from captured post-RoPE queries and the
// cached keys.
#pragma once

#include <cstdint>
#include <vector>

#include "method/layer_data.hpp"

namespace kvhost {

// Softmax rows of the last `wanted_rows` captured queries (<= 0: of all) over each head's entries:
// window[h] is [group_size, rows, n] float32. Nothing happens when `window` holds at least as many
// rows already.
void compute_window_attention(const LayerInputs& inputs,
                              const std::vector<HeadSpan>& spans,
                              int64_t wanted_rows,
                              std::vector<std::vector<float>>& window,
                              int64_t& rows);

// Column sums of the softmax rows of the last `rows` queries (<= 0: of all captured ones) into
// sums: per KV head [group_size, n]. Blocks of rows, never all at once.
void compute_attention_sum(const LayerInputs& inputs,
                           const std::vector<HeadSpan>& spans,
                           int64_t rows,
                           std::vector<std::vector<float>>& sums);

// The whole causal attention of a prefill: [n_heads, T, T], or its mean over heads [T, T]; float32.
// O(T^2) memory.
at::Tensor dense_attention(const LayerInputs& inputs,
                           const std::vector<HeadSpan>& spans,
                           bool mean_over_heads);

}  // namespace kvhost
