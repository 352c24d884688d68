// SPDX-License-Identifier: Apache-2.0
#include "method/call_guard.hpp"

#include <ctime>
#include <mutex>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "method/process_state.hpp"
#include "method/signal_stack.hpp"

namespace kvhost {
namespace {

std::atomic<ThreadCalls*> first_thread{nullptr};
thread_local ThreadCalls* own = nullptr;
thread_local CallGuard* inner = nullptr;

// What the end of a call without a way to throw found out.
struct Found {
  std::mutex mutex;
  std::atomic<bool> any{false};
  std::optional<Error> error;
};

Found& found() {
  static auto& kept = *new Found;
  return kept;
}

ThreadCalls* take_record() {
  for (ThreadCalls* record = first_thread; record; record = record->next)
    if (!record->taken.exchange(true)) return record;
  auto* record = new ThreadCalls;
  record->taken = true;
  record->next = first_thread;
  while (!first_thread.compare_exchange_weak(record->next, record)) {
  }
  return record;
}

// What a thread has from its first call until it ends.
struct ThreadLife {
  ThreadCalls* record = take_record();
  SignalStack stack;

  ThreadLife() {
    own = record;
    remember_thread_state();
  }
  ~ThreadLife() {
    if (record->site) return;  // it ends within a call: exit(), which goes on from here
    own = nullptr;
    record->taken = false;
  }
};

ThreadCalls& this_thread() {
  if (own) return *own;
  static thread_local const ThreadLife life;
  if (!own) own = take_record();  // the thread is ending, and calls once more
  return *own;
}

void show(ThreadCalls& thread, const CallPlace& place) {
  thread.layer.store(place.layer, std::memory_order_relaxed);
  thread.function.store(place.function, std::memory_order_relaxed);
  thread.site.store(place.site, std::memory_order_relaxed);
}

// Looking at the process costs some microseconds: it is done after calls about no single layer,
// after those about the first one, and else once in 10 ms for each method.
bool is_due(const CallPlace& place) {
  constexpr int64_t kInterval = 10'000'000;
  const int64_t now = coarse_now_ns();
  const bool due = place.layer <= 0 || now - place.site->checked_ns > kInterval;
  if (due) place.site->checked_ns = now;
  return due;
}

Error changed(const CallPlace& place, const std::string& what) {
  return {ExitCode::RunFailed,
          name_of(place),
          "changed " + what + " in " + place.function + " of " + place.site->library +
              "; expected a call that leaves the thread and the process as they were"};
}

}  // namespace

int64_t coarse_now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

ThreadCalls* all_threads() { return first_thread; }

ThreadCalls* own_thread() { return own; }

CallGuard* CallGuard::innermost() { return inner; }

std::string name_of(const CallPlace& place) {
  std::string name = place.site->method;
  if (place.layer >= 0) name += ", layer " + std::to_string(place.layer);
  return name;
}

CallGuard::CallGuard(const CallSite& site, const char* function, int64_t layer)
    : place_{&site, function, layer}, outer_(inner), thread_(this_thread()) {
  enter();
}

CallGuard::CallGuard(CallGuard& owner)
    : place_(owner.place_), outer_(inner), owner_(&owner), thread_(this_thread()) {
  enter();
}

void CallGuard::enter() {
  outer_place_ = thread_.place();
  inner = this;
  if (!outer_ && !owner_) thread_.since_ns.store(coarse_now_ns(), std::memory_order_relaxed);
  show(thread_, place_);
  note_call(place_);
  floats_ = FloatState::current();
}

CallGuard::~CallGuard() {
  const char* changed = restore_floats();
  if (owner_ && changed) owner_->share_changed_ = changed;
  show(thread_, outer_place_);
  if (outer_) note_call(outer_place_);  // which goes on
  if (!outer_ && !owner_) thread_.since_ns.store(0, std::memory_order_relaxed);
  inner = outer_;
}

void CallGuard::go_on(const char* function) {
  restore_floats();
  if (std::string what = restore_process_state(); !what.empty() && noted_.empty()) {
    noted_ = std::move(what);
    noted_place_ = place_;
  }
  place_.function = function;
  show(thread_, place_);
  note_call(place_);
}

const char* CallGuard::restore_floats() {
  if (FloatState::current() == floats_) return nullptr;
  floats_.restore();
  return "the floating-point state (rounding, traps or flushing to zero)";
}

void CallGuard::check() {
  if (!noted_.empty()) throw changed(noted_place_, noted_);
  const char* floats = restore_floats();
  if (!floats) floats = share_changed_.load();
  const std::string what = floats ? floats : is_due(place_) ? restore_process_state() : "";
  if (!what.empty()) throw changed(place_, what);
  if (found().any) raise_what_was_found();
}

void CallGuard::check_later() noexcept {
  try {
    const char* floats = restore_floats();
    const std::string what = floats ? floats : restore_process_state();
    if (what.empty()) return;
    const std::lock_guard lock(found().mutex);
    if (!found().error) found().error = changed(place_, what);
    found().any = true;
  } catch (...) {  // out of memory: whoever asks next will meet it too
  }
}

void raise_what_was_found() {
  const std::lock_guard lock(found().mutex);
  if (!found().error) return;
  const Error error = *found().error;
  found().error.reset();
  found().any = false;
  throw Error(error);
}

}  // namespace kvhost
