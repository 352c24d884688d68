// SPDX-License-Identifier: Apache-2.0
// What tells a cell from others besides what its suite says: the model with all that lies beside
// its weights, and files and libraries that
// a composition is made of.
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

// The policy's canonical text; behind it, where there are any, the hash of the files that its
// parameters name, and that of the libraries that did not come with kvhost: who builds a method
// anew wants it measured anew.
std::string composition_key(const Policy& policy, const Model& model);

}  // namespace kvhost::eval
