// SPDX-License-Identifier: Apache-2.0
// Stretches of texts whose likelihood is measured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/model.hpp"
#include "eval/suite.hpp"

namespace kvhost::eval {

struct Segment {
  std::string id;                        // "carroll-alice.txt@4096": the first token's place
  std::vector<int32_t> context, scored;  // the context begins as the tokenizer begins a text
};

// The task's n_segments, spread evenly over its files, none over another. Throws Error where a file
// is too short for its share.
std::vector<Segment> segments_of(const LikelihoodTask& task, const Model& model);

}  // namespace kvhost::eval
