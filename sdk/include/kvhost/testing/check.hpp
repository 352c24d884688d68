// SPDX-License-Identifier: Apache-2.0
// The few checks that a plugin's own test needs, where no test library is at hand:
//   int main() { KVH_CHECK(1 + 1 == 2); return kvhost::testing::failures(); }
#pragma once

#include <cmath>
#include <cstdio>

namespace kvhost::testing {

// How many checks failed so far: the exit code of a test.
inline int& failures() {
  static int n = 0;
  return n;
}

inline void report_failure(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
  ++failures();
}

inline bool is_near(double got, double want, double relative) {
  return std::fabs(got - want) <= relative * std::fmax(1.0, std::fabs(want));
}

}  // namespace kvhost::testing

#define KVH_CHECK(condition) \
  ((condition) ? (void)0 : kvhost::testing::report_failure(__FILE__, __LINE__, #condition))
#define KVH_CHECK_NEAR(got, want, relative)                   \
  (kvhost::testing::is_near((got), (want), (relative))        \
       ? (void)0                                              \
       : kvhost::testing::report_failure(__FILE__, __LINE__, #got " is not near " #want))
