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
// last: one range a thread.
void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

// The same in ranges of at least `grain`, several a thread, which threads fetch when they are free:
// one that is held up, by another process or a slower core, leaves the rest to the others. For work
// whose result does not depend on where it is divided.
void parallel_shared(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

}  // namespace kvhost
