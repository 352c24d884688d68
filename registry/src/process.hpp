// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace kvhost::registry {

struct Finished {
  bool timed_out = false;
  int signal = 0;  // that ended it, 0: none
  int code = 0;    // exit code otherwise
  std::string out, err;
};

// Runs argv[0] with `environment` ("NAME=value") and waits until it ends or `deadline` has passed;
// then it and what it started are killed. Throws std::runtime_error when it cannot be started.
Finished run_process(const std::vector<std::string>& argv,
                     const std::vector<std::string>& environment,
                     std::chrono::milliseconds deadline);

}  // namespace kvhost::registry
