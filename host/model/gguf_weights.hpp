// SPDX-License-Identifier: Apache-2.0
// The weights of a GGUF file as the model has them: quantised matrices as they lie in the file,
// everything else as numbers.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "format/gguf.hpp"
#include "model/config.hpp"
#include "model/weight_slots.hpp"

namespace kvhost {

struct GgufFit {
  std::set<std::string> used;         // tensors of the file
  std::vector<std::string> warnings;  // what a user should know
};

// Whether the file has what the slots want; reads no weights. Throws like load_gguf_weights().
GgufFit fit_gguf(const GgufFile& file,
                 const std::vector<WeightSlot>& slots,
                 const ModelConfig& config);

// Fills the slots; returns what a user should know. Throws Error(CannotLoad) naming missing tensors
// and wrong shapes.
std::vector<std::string> load_gguf_weights(const GgufFile& file,
                                           const std::vector<WeightSlot>& slots,
                                           DType dtype,
                                           const ModelConfig& config);

}  // namespace kvhost
