// SPDX-License-Identifier: Apache-2.0
// The jobs of the program: options in, what was measured out. JSON as text (docs/contract.md).
#pragma once

#include <optional>

#include "cli/job.hpp"
#include "input/options.hpp"
#include "measure/run_report.hpp"
#include "report/kept_view.hpp"

namespace kvhost {

struct RunResult {
  RunReport report;
  std::optional<KeptView> kept;  // with --kept-html or --show-kept
};

// Load, prefill, compress, generate, dump, report.
RunResult run(const RunOptions& options, const JobCallbacks& callbacks);

}  // namespace kvhost
