// SPDX-License-Identifier: Apache-2.0
// A loop on the host's threads. Exceptions of the body reach the caller; the boundary sees none.
#pragma once

#include <exception>
#include <mutex>
#include <type_traits>

#include "layer.hpp"

namespace kvhost::sdk {

template <typename Body>
void run_range(const Body& body, int64_t begin, int64_t end, uint32_t thread) {
  if constexpr (std::is_invocable_v<const Body&, int64_t, int64_t, uint32_t>) {
    body(begin, end, thread);
  } else {
    (void)thread;
    body(begin, end);
  }
}

// body(begin, end) or body(begin, end, thread) over disjoint ranges that cover [0, n); `thread` is
// below n_threads(), for scratch memory of its own. Not nested. [calling thread] Rethrows the body's
// first exception after all ranges are done.
template <typename Body>
void parallel_for(const Layer& layer, int64_t n, const Body& body) {
  const kvh_exec* exec = layer.raw().exec;
  if (!exec || !exec->parallel_for || n <= 1) {
    if (n > 0) run_range(body, int64_t{0}, n, 0);
    return;
  }
  struct Job {
    const Body* body;
    std::mutex mutex;
    std::exception_ptr failure;
  } job{&body, {}, nullptr};
  exec->parallel_for(
      exec,
      n,
      [](void* arg, int64_t begin, int64_t end, uint32_t thread) noexcept {
        Job& job = *static_cast<Job*>(arg);
        try {
          run_range(*job.body, begin, end, thread);
        } catch (...) {
          const std::lock_guard<std::mutex> lock(job.mutex);
          if (!job.failure) job.failure = std::current_exception();
        }
      },
      &job);
  if (job.failure) std::rethrow_exception(job.failure);
}

// How many ranges of parallel_for() can run at the same time.
inline uint32_t n_threads(const Layer& layer) {
  const kvh_exec* exec = layer.raw().exec;
  return exec && exec->parallel_for ? exec->n_threads : 1;
}

// body(h) for every KV head.
template <typename Body>
void for_each_head(const Layer& layer, const Body& body) {
  parallel_for(layer, layer.n_kv_heads(), [&](int64_t begin, int64_t end) {
    for (int64_t h = begin; h < end; ++h) body(static_cast<int32_t>(h));
  });
}

}  // namespace kvhost::sdk
