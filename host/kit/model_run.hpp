// SPDX-License-Identifier: Apache-2.0
// What `kvhost run --json -` printed of a method's run in a model.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace kvhost {

// The report in `said`, from its first { to its last }: words of a plugin may stand around. Null
// where there is none.
nlohmann::json report_in(const std::string& said);

// Microseconds that the part `name` of its timings ("score_ms") took a layer; 0 where it is not there.
double us_per_layer(const nlohmann::json& report, const char* name);

}  // namespace kvhost
