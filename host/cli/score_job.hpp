// SPDX-License-Identifier: Apache-2.0
// Teacher-forces a continuation after a compressed prompt; the JSON of docs/contract.md, `kvhost
// score`.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cli/job.hpp"

namespace kvhost {

nlohmann::json score(const ScoreOptions& options, const JobCallbacks& callbacks);

}  // namespace kvhost
