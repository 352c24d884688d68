// SPDX-License-Identifier: Apache-2.0
// What tells a cell from others besides what its suite says: the model with all that lies beside
// its weights, and files that a composition reads.
#pragma once

#include <optional>
#include <string>

#include "base/weight_type.hpp"
#include "engine/model.hpp"
#include "engine/policy.hpp"

namespace kvhost::eval {

// Of the weights and how they are held, the tokenizer, the chat template, and the .json, .jinja and
// .npy files of the model's folder: how texts are read, when an answer ends, what methods learned
// of it.
std::string model_key(const Model& model, std::optional<WeightType> weights);

// The policy's canonical text; with the hash of the files that its parameters name, where there
// are any.
std::string composition_key(const Policy& policy, const Model& model);

}  // namespace kvhost::eval
