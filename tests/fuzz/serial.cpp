// SPDX-License-Identifier: Apache-2.0
// base/parallel.hpp without libtorch, whose threads it otherwise is.
#include "base/parallel.hpp"

namespace kvhost {

int num_threads() { return 1; }

void set_num_threads(int) {}

void parallel_for(int64_t n, int64_t, const std::function<void(int64_t, int64_t)>& body) {
  if (n > 0) body(0, n);
}

void parallel_shared(int64_t n, int64_t, const std::function<void(int64_t, int64_t)>& body) {
  if (n > 0) body(0, n);
}

}  // namespace kvhost
