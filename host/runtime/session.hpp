// SPDX-License-Identifier: Apache-2.0
// The main job and its relatives: options in, a report out.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "input/options.hpp"
#include "measure/run_report.hpp"

namespace kvhost {

struct RunCallbacks {
  std::function<void(std::string_view phase, double share)> progress;  // may be empty
  std::function<void(std::string_view text)> on_text;  // generated text as it comes; may be empty
};

// Load, prefill, compress, generate, dump, report. Everything wrong with the request is found
// before weights are read.
RunReport run(const RunOptions& options, const RunCallbacks& callbacks);

// Teacher-forces a continuation after a compressed prompt; the JSON of docs/contract.md, `kvhost
// score`.
nlohmann::json score(const ScoreOptions& options, const RunCallbacks& callbacks);

// What a run would do: composition, captures, entries and bytes per layer, peak, cost. Reads no
// weights.
nlohmann::json plan(const RunOptions& options);
std::string plan_text(const nlohmann::json& plan);

}  // namespace kvhost
