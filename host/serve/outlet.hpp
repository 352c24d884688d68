// SPDX-License-Identifier: Apache-2.0
// The way from the engine to the client of one request: a queue of events with a bound. The engine
// never waits for it; whoever does not fetch is passed over until there is room again.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "serve/events.hpp"

namespace kvhost {

class Outlet {
 public:
  explicit Outlet(size_t n_tasks) : n_tasks_(n_tasks) {}

  // [engine] Whether an answer may go on: each puts few events at a time.
  bool has_room() const;
  void put(Event event);
  // [engine] Nothing more comes of one of its tasks.
  void end_task();
  // [engine] Nobody listens any more.
  bool cancelled() const { return cancelled_; }

  // [client's thread] Waits a while; nothing: none came, or all is over.
  std::optional<Event> take(std::chrono::milliseconds wait);
  bool over() const;  // everything was fetched
  void cancel();

 private:
  static constexpr size_t kRoom = 256;

  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Event> events_;
  size_t n_tasks_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace kvhost
