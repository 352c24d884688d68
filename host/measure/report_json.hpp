// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "measure/run_report.hpp"

namespace kvhost {

// The schema of docs/contract.md, "Run report".
nlohmann::json to_json(const RunReport& report);
// [{"method", "library", "sha256"}]
nlohmann::json to_json(const std::vector<PluginFacts>& plugins);

}  // namespace kvhost
