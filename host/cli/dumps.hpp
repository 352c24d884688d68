// SPDX-License-Identifier: Apache-2.0
// The files of --dump-keep, --dump-scores and --dump-budgets (docs/contract.md).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/sequence.hpp"
#include "measure/run_report.hpp"

namespace kvhost {

// Positions every head holds now.
nlohmann::json kept_positions(const Sequence& sequence);
// scores: [n_layers][n_kv_heads][kv_len]
void dump_scores(const std::string& file,
                 const std::vector<std::vector<std::vector<float>>>& scores);
nlohmann::json budgets_json(const RunReport& report);

}  // namespace kvhost
