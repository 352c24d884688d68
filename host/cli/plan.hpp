// SPDX-License-Identifier: Apache-2.0
// What a run would do: composition, captures, entries and bytes per layer, peak, cost. Reads no
// weights.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "input/options.hpp"

namespace kvhost {

nlohmann::json plan(const RunOptions& options);
std::string plan_text(const nlohmann::json& plan);

}  // namespace kvhost
