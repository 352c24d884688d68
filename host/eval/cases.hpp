// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "engine/model.hpp"
#include "eval/suite.hpp"
#include "tasks/case.hpp"
#include "tasks/instructions.hpp"

namespace kvhost::eval {

// What a task asks, with lengths in the model's tokens. Throws Error.
std::vector<tasks::Case> cases_of(const QuestionTask& task, const Model& model);
std::vector<tasks::InstructionCase> cases_of(const InstructionTask& task);

}  // namespace kvhost::eval
