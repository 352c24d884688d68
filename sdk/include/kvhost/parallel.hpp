// SPDX-License-Identifier: Apache-2.0
// A loop on the host's threads. Exceptions of the body reach the caller; the boundary sees none.
#pragma once

#include <exception>
#include <mutex>

#include "layer.hpp"

namespace kvhost::sdk {

// body(begin, end) over disjoint ranges that cover [0, n). Not nested. [calling thread] Rethrows
// the body's first exception after all ranges are done.
template <typename Body>
void parallel_for(const Layer& layer, int64_t n, const Body& body) {
  const kvh_exec* exec = layer.raw().exec;
  if (!exec || !exec->parallel_for || n <= 1) {
    if (n > 0) body(int64_t{0}, n);
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
      [](void* arg, int64_t begin, int64_t end) noexcept {
        Job& job = *static_cast<Job*>(arg);
        try {
          (*job.body)(begin, end);
        } catch (...) {
          const std::lock_guard<std::mutex> lock(job.mutex);
          if (!job.failure) job.failure = std::current_exception();
        }
      },
      &job);
  if (job.failure) std::rethrow_exception(job.failure);
}

// body(h) for every KV head.
template <typename Body>
void for_each_head(const Layer& layer, const Body& body) {
  parallel_for(layer, layer.n_kv_heads(), [&](int64_t begin, int64_t end) {
    for (int64_t h = begin; h < end; ++h) body(static_cast<int32_t>(h));
  });
}

}  // namespace kvhost::sdk
