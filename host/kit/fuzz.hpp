// SPDX-License-Identifier: Apache-2.0
// Whether a method holds under whatever it may be asked: configurations, shapes and numbers drawn by
// chance, each drawn again by its seed alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "registry/catalog.hpp"

namespace kvhost {

struct FuzzOptions {
  int64_t n = 0;      // cases
  uint64_t seed = 1;  // of the first one; the next has the next number
  std::chrono::milliseconds deadline{20000};  // of a case, in time of the processor
};

struct Finding {
  uint64_t seed = 0;
  std::string what;    // settings, shape and numbers of the case
  std::string reason;  // what was wrong
};

struct FuzzReport {
  int64_t n_run = 0;
  int64_t n_refused = 0;    // with words, as a method may
  int64_t n_not_asked = 0;  // what no host would ask for, or this one cannot make up
  std::string skipped;    // why nothing was run; "" where something was
  std::vector<Finding> findings;
};

// Stops at ten findings. The cases run in children of this process, many in each.
FuzzReport fuzz_method(const registry::MethodInfo& method, const FuzzOptions& options);

}  // namespace kvhost
