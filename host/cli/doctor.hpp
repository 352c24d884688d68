// SPDX-License-Identifier: Apache-2.0
// Looks at everything kvhost stands on and says how to get what is missing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "input/options.hpp"
#include "report/ink.hpp"

namespace kvhost {

struct Finding {
  enum class State {
    Good,
    Hint,
    Missing
  };  // Hint: kvhost runs, but less well or not as one might expect

  std::string topic;  // "libtorch", "cpu", ...
  State state = State::Good;
  std::string found;
  std::string cure;   // "" when all is well
  std::string facts;  // the same for scripts, as JSON
};

std::vector<Finding> diagnose(const PluginOptions& plugins);

std::string processor_name();  // "" when it is not known
std::vector<Finding> diagnose_machine();  // libtorch, CPU, threads, memory
// search path, methods, failures, shadowed
std::vector<Finding> diagnose_plugins(const PluginOptions& plugins);
Finding diagnose_model();  // the bundled one

nlohmann::json findings_json(const std::vector<Finding>& findings);
void print_findings(std::ostream& out, const Ink& ink, const std::vector<Finding>& findings);

}  // namespace kvhost
