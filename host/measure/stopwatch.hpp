// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace kvhost {

inline double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// Adds the milliseconds of its own life to a figure.
class Stopwatch {
 public:
  explicit Stopwatch(double& total_ms) : total_ms_(total_ms), start_(Clock::now()) {}
  ~Stopwatch() { total_ms_ += elapsed_ms(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  double elapsed_ms() const { return ms_since(start_); }

 private:
  using Clock = std::chrono::steady_clock;
  double& total_ms_;
  Clock::time_point start_;
};

}  // namespace kvhost
