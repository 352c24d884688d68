// SPDX-License-Identifier: Apache-2.0
#include "serve/outlet.hpp"

namespace kvhost {

bool Outlet::has_room() const {
  const std::lock_guard lock(mutex_);
  return events_.size() < kRoom;
}

void Outlet::put(Event event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  came_.notify_one();
}

void Outlet::end_task() {
  {
    const std::lock_guard lock(mutex_);
    if (n_tasks_ > 0) --n_tasks_;
  }
  came_.notify_one();
}

std::optional<Event> Outlet::take(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, wait, [this] { return !events_.empty() || n_tasks_ == 0; });
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

bool Outlet::over() const {
  const std::lock_guard lock(mutex_);
  return events_.empty() && n_tasks_ == 0;
}

void Outlet::cancel() { cancelled_ = true; }

}  // namespace kvhost
