// SPDX-License-Identifier: Apache-2.0
// One case of a suite as a page of what was kept of its text.
#pragma once

#include <string>

#include "eval/plan.hpp"

namespace kvhost {

// Throws Error where the plan has no such case, or not one or two compositions beside the full
// cache.
void write_case_page(const Model& model,
                     const eval::Plan& plan,
                     const std::string& id,
                     bool question_aware,
                     const std::string& file);

}  // namespace kvhost
