// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.hpp"

#include <ATen/Parallel.h>

namespace kvhost {

int num_threads() { return at::get_num_threads(); }

void set_num_threads(int n) { at::set_num_threads(n); }

void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  at::parallel_for(0, n, grain, body);
}

}  // namespace kvhost
