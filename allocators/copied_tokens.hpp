// SPDX-License-Identifier: Apache-2.0
// Where a text repeats itself, and how much of a head's attention goes to what is about to be repeated.
#pragma once

#include <cstdint>
#include <vector>

namespace kvhost::allocators {

// The earlier places of the token behind position `at` that stand, as it does, behind a token like that at `at`: what a
// head that copies looks at from there. Nearer than `distance` to `at` none counts: those are in every head's window.
// at + 1 < n. -> ascending positions
std::vector<int64_t> copied_from(const int32_t* tokens, int64_t n, int64_t at, int64_t distance);

// HeadKV's score of one generated token (arXiv:2410.19258): of the n entries with the most attention, n = how many places
// there are, the attention of those that are such places, / n. row: [length] a softmax row; places ascend, not empty.
double attention_on(const std::vector<int64_t>& places, const float* row, int64_t length);

}  // namespace kvhost::allocators
