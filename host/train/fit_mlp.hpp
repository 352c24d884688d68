// SPDX-License-Identifier: Apache-2.0
// A two-layer network with a GELU, by AdamW on the mean squared error.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "train/pair_store.hpp"
#include "train/surrogate.hpp"

namespace kvhost::train {

// KVzap's recipe, and an early end.
struct MlpRecipe {
  int64_t n_hidden = 512;
  int64_t epochs = 15, batch = 512;
  int64_t patience = 4;  // epochs without a better validation loss before it ends
  double learning_rate = 5e-3, weight_decay = 0.01, clip = 1.0;
  uint64_t seed = 0;
};

struct Epoch {
  double train_loss = 0, validation_loss = 0;
};

struct MlpFit {
  SurrogateLayer layer;  // of the epoch with the best validation loss
  std::vector<Epoch> curve;
};

// The learning rate falls along a cosine, epoch by epoch. The same for the same seed and number of
// threads. `stop` is asked after every batch and may throw.
MlpFit fit_mlp(const Pairs& pairs,
               const Pairs& held_out,
               const MlpRecipe& recipe,
               const std::function<void()>& stop = {});

}  // namespace kvhost::train
