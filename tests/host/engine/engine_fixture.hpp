// SPDX-License-Identifier: Apache-2.0
// An engine on the plugins of this build, and tiny checkpoints to run on it.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/sequence.hpp"

namespace kvhost::test {

const Engine& engine();
Model tiny_model(const std::string& name, DType dtype = DType::Float32);
std::vector<int32_t> some_tokens(const Model& model, int64_t n, uint32_t seed);

// keep_ratio without the floor for short prompts.
PolicyOptions keeping(const std::string& press, double keep_ratio, const std::string& decode = "");

Sequence read(const Model& model, const PolicyOptions& options, const std::vector<int32_t>& prompt);
// Greedy.
std::vector<int32_t> go_on(Sequence& sequence, int64_t n);
std::vector<float> logits_of(Sequence& sequence);

// Compositions that between them use every method of the build that can run after a prompt of a few
// hundred tokens.
std::vector<std::string> every_composition();

}  // namespace kvhost::test
