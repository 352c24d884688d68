// SPDX-License-Identifier: Apache-2.0
// The one thread pool of the process is libtorch's; this keeps its headers out of files that only
// need a loop.
#pragma once

#include <cstdint>
#include <functional>

namespace kvhost {

int num_threads();
void set_num_threads(int n);

// Calls body(begin, end) over disjoint ranges that cover [0, n), each of at least `grain` but the
// last.
void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

}  // namespace kvhost
