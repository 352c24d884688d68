// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "report/progress.hpp"

namespace kvhost {

// How far a download is, on standard error: a bar on a terminal, elsewhere a line now and then.
class FetchProgress {
 public:
  FetchProgress();
  // `total` 0: not known yet.
  void show(std::string_view file, int64_t arrived, int64_t total);

 private:
  using Clock = std::chrono::steady_clock;

  Progress bar_;
  bool lines_;
  Clock::time_point told_;
};

}  // namespace kvhost
