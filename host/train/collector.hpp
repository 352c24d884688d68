// SPDX-License-Identifier: Apache-2.0
// Pairs from texts: the teacher's scores of a text's entries, and the hidden states of its tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/engine.hpp"
#include "train/pair_store.hpp"

namespace kvhost::train {

struct CollectOptions {
  int64_t n_samples = 500;  // tokens taken of a text, the same in all layers
  uint64_t seed = 0;
};

// Adds the pairs of one text. `teacher` is a policy whose scorer is the teacher; targets are the
// logarithms of its scores, and tokens whose score is 0 somewhere are not taken.
void collect(const Model& model,
             const Policy& teacher,
             std::span<const int32_t> text,
             const CollectOptions& options,
             PairStore& pairs,
             const std::function<void(double)>& progress);

}  // namespace kvhost::train
