// SPDX-License-Identifier: Apache-2.0
// One thread that does all the work of the engine, for all models: prompts are admitted as cache
// becomes free, read some layers at a time, and between these every answer under way gets its next
// token, all of a model in one pass. What it has to say goes to the tasks' outlets; it never waits
// for anybody.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/model.hpp"
#include "serve/metrics.hpp"
#include "serve/shelf.hpp"
#include "serve/task.hpp"

namespace kvhost {

struct SchedulerLimits {
  int64_t cache_bytes = 0;  // of all caches together
  int64_t queued = 1024;    // tasks that may wait
  int64_t answers = 64;     // under way at once
};

class Scheduler {
 public:
  Scheduler(const SchedulerLimits& limits, Metrics& metrics);
  ~Scheduler();  // cuts off what runs

  // [any thread] All of one request, or none: throws Refused when it can never run, when too much
  // waits already, or when the server is about to end.
  void submit(std::vector<Task> tasks);
  // [any thread] Runs `work` on the engine's thread and waits for its end; what it throws comes out
  // here. For short things.
  void on_engine(const std::function<void(Shelf&)>& work);

  void close();       // [any thread] submit() refuses from now on
  bool idle() const;  // [any thread] nothing waits or runs
  void cut_off();     // [any thread] ends what runs, with a message to whoever waits for it

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvhost
