// SPDX-License-Identifier: Apache-2.0
// Cases that are longer than the model reads, cut as LongBench and InfiniteBench do.
#pragma once

#include <optional>

#include "engine/model.hpp"
#include "tasks/case.hpp"

namespace kvhost::eval {

// Takes tokens out of the middle of the case's context until it fits with its question and the room
// for its answer, and says how many in n_cut. Throws Error where nothing of the context would be
// left. `chat` as TextAsker has it.
void cut_middle(const Model& model, std::optional<bool> chat, tasks::Case& one);

}  // namespace kvhost::eval
