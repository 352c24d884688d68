// SPDX-License-Identifier: Apache-2.0
// The files of --dump-keep, --dump-scores and --dump-budgets (docs/contract.md).
#pragma once

#include <string>

#include "runtime/engine.hpp"

namespace kvhost {

// Positions every head holds now.
nlohmann::json kept_positions(const KvCache& cache);
void dump_scores(const std::string& file, const PressTrace& trace);
nlohmann::json budgets_json(const RunReport& report);

}  // namespace kvhost
