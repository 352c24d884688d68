// SPDX-License-Identifier: Apache-2.0
// The checks of kvhost validate. Each runs in a child process and opens the library there.
#pragma once

#include <string>
#include <vector>

#include "kit/trial_layer.hpp"
#include "kit/validate.hpp"

namespace kvhost {

struct Check {
  int level;  // 1 loads, 2 configures, 3 computes, 4 shares, 5 runs
  const char* id;
  const char* what;
  Verdict (*run)(const registry::MethodInfo& method);
};

// That a method with these settings computes: its answer to such a layer is complete and finite, and
// nothing else was touched. What it throws is for the caller.
Verdict check_numbers(const registry::MethodInfo& method,
                      const LayerSpec& spec,
                      const testing::Settings& settings);

const std::vector<Check>& configuration_checks();  // level 1 and 2
const std::vector<Check>& number_checks();         // level 3 and 4
Check model_check();                               // level 5; its `run` is null

}  // namespace kvhost
