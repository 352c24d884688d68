// SPDX-License-Identifier: Apache-2.0
// Whether a plugin does what its interface promises: check by check, each in a process of its own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kit/trial.hpp"
#include "registry/catalog.hpp"

namespace kvhost {

struct CheckResult {
  int level = 0;       // as Check has it
  std::string id;      // "numbers.bf16"
  std::string what;    // what was looked at
  Verdict verdict;
  std::string repeat;  // a command that does it again
};

// From the lowest to the highest: "none", "loads", "configures", "computes", "shares", "runs".
const std::vector<std::string>& level_names();
// How many stand below `level`; beyond all of them where it is none.
int level_height(const std::string& level);

struct MethodReport {
  registry::MethodInfo method;
  std::vector<CheckResult> checks;

  bool failed() const;
  std::vector<std::string> failed_checks() const;  // their ids
  // The highest of which some check passed, where in it and in those below none failed.
  std::string level() const;
};

struct ValidateOptions {
  std::string only;  // an id, or the beginning of some: "numbers"; "" for all
  std::chrono::milliseconds deadline{20000};
  std::filesystem::path program = {};  // kvhost itself, for checks with a model; "" leaves them out
};

// A composition in which the method stands, with snapkv where it wants another.
std::string press_with(const registry::MethodInfo& method);

// The command line of `program` that runs it on the bundled model's prompt.
std::string run_command_of(const registry::MethodInfo& method, const std::string& program);

struct CheckInfo {
  std::string id, what;
};
// In their order.
std::vector<CheckInfo> known_checks();

// `methods`: those of one library. Throws Error where `only` names no check.
std::vector<MethodReport> validate_methods(const std::vector<registry::MethodInfo>& methods,
                                           const ValidateOptions& options);

}  // namespace kvhost
