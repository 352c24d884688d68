// SPDX-License-Identifier: Apache-2.0
// Prompts being read, some layers at a time: short ones together, long ones side by side, so that
// none waits for the end of another and answers go on in between.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/batch.hpp"
#include "serve/events.hpp"
#include "serve/ledger.hpp"
#include "serve/task.hpp"

namespace kvhost {

// One task's prompt.
struct Reading {
  Reading(Task of, Ledger& ledger, int64_t bytes) : task(std::move(of)), promise(ledger, bytes) {}

  Task task;
  Promise promise;
  // The sequence that reads it, as it is before; also for a second try.
  std::function<Sequence()> start;
  std::optional<Sequence> sequence;
  std::vector<std::vector<int32_t>> parts;  // read one after the other
  size_t n_parts_read = 0;
  int64_t n_cached = 0;
  bool alone = false;  // it failed together with others; whose fault was it?
  std::vector<std::optional<TokenLogprob>> logprobs;  // of score_prompt, without the first
  std::chrono::steady_clock::time_point began;
  int n_answers = 0;  // under way, once it was read

  bool done() const { return n_parts_read == parts.size(); }
};

class Readings {
 public:
  using Clock = std::chrono::steady_clock;
  using OnDone = std::function<void(std::unique_ptr<Reading>)>;
  using OnFailed = std::function<void(std::unique_ptr<Reading>, std::exception_ptr)>;

  void add(std::unique_ptr<Reading> reading) { waiting_.push_back(std::move(reading)); }
  bool empty() const { return waiting_.empty() && lanes_.empty(); }
  size_t size() const;

  // Runs layers, at least one, until `deadline`.
  void advance(Clock::time_point deadline, const OnDone& on_done, const OnFailed& on_failed);
  // Gives up those whose clients went away; in a lane with others they are read to the end.
  void drop_cancelled(const std::function<void(const Reading&)>& gone);
  // Gives up all.
  void clear(const std::function<void(const Reading&)>& gone);

 private:
  struct Lane {  // of one model
    std::vector<std::unique_ptr<Reading>> readings;
    std::unique_ptr<Batch> batch;
  };

  void fill_lanes(const OnDone& on_done, const OnFailed& on_failed);
  bool begin(Reading& reading, const OnFailed& on_failed, std::unique_ptr<Reading>& holder);
  void start_batch(Lane& lane);
  void end_pass(Lane& lane, const OnDone& on_done);
  void fail(Lane& lane, const std::exception_ptr& why, const OnFailed& on_failed);

  std::vector<std::unique_ptr<Reading>> waiting_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  size_t turn_ = 0;
};

}  // namespace kvhost
