// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>

#include "measure/analysis_report.hpp"

namespace kvhost {

// The schema of docs/analyze.md.
nlohmann::json to_json(const AnalysisReport& report);

// A stored rank profile, as methods read it: {"schema": 1, "ranks": [one per layer]}.
nlohmann::json rank_profile_json(std::span<const double> ranks);
// The mean over the texts at the longest length, and where it comes from.
nlohmann::json rank_profile_json(const AnalysisReport& report);

}  // namespace kvhost
