// SPDX-License-Identifier: Apache-2.0
#include "serve/reading.hpp"

#include <algorithm>

#include "serve/logprobs.hpp"
#include "serve/outlet.hpp"

namespace kvhost {
namespace {

constexpr size_t kMostLanes = 4;
constexpr size_t kMostRows = 2048;  // of prompts that are read together

// The log-probability of the token behind each that is read, as far as the prompt goes; or the
// logits themselves.
Batch::OnLogits scoring(Reading& reading) {
  if (reading.task.rows)
    return [&task = reading.task, n_seen = size_t{0}](std::span<const float> logits) mutable {
      if (n_seen++ >= task.rows_from) task.rows->of.emplace_back(logits.begin(), logits.end());
    };
  if (!reading.task.score_prompt) return {};
  return [&reading](std::span<const float> logits) {
    const size_t next = reading.logprobs.size() + 1;
    if (next >= reading.task.tokens.size()) return;
    reading.logprobs.push_back(token_logprob(
        logits, reading.task.tokens[next], reading.task.answer.n_logprobs.value_or(0)));
  };
}

bool same_model(const Reading& a, const Reading& b) {
  return a.task.model.shared() == b.task.model.shared();
}

}  // namespace

size_t Readings::size() const {
  size_t n = waiting_.size();
  for (const auto& lane : lanes_) n += lane->readings.size();
  return n;
}

// False: `holder` is empty now, since it could not begin.
bool Readings::begin(Reading& reading,
                     const OnFailed& on_failed,
                     std::unique_ptr<Reading>& holder) {
  if (reading.sequence) return true;  // a further part
  try {
    reading.began = Clock::now();
    reading.sequence.emplace(reading.start());
    return true;
  } catch (...) {
    on_failed(std::move(holder), std::current_exception());
    return false;
  }
}

void Readings::fill_lanes(const OnDone& on_done, const OnFailed& on_failed) {
  while (!waiting_.empty() && lanes_.size() < kMostLanes) {
    auto lane = std::make_unique<Lane>();
    size_t rows = 0;
    for (auto next = waiting_.begin(); next != waiting_.end();) {
      Reading& reading = **next;
      const size_t n = reading.done() ? 0 : reading.parts[reading.n_parts_read].size();
      if (!lane->readings.empty() && (rows + n > kMostRows || reading.alone)) break;
      if (!lane->readings.empty() && !same_model(reading, *lane->readings.front())) {
        ++next;
        continue;
      }
      std::unique_ptr<Reading> holder = std::move(*next);
      next = waiting_.erase(next);
      if (!begin(reading, on_failed, holder)) continue;
      if (holder->done()) {  // an earlier request read all of it
        on_done(std::move(holder));
        continue;
      }
      rows += n;
      const bool alone = holder->alone;
      lane->readings.push_back(std::move(holder));
      if (alone) break;
    }
    if (lane->readings.empty()) continue;
    lanes_.push_back(std::move(lane));
  }
}

void Readings::start_batch(Lane& lane) {
  lane.batch = std::make_unique<Batch>(lane.readings.front()->task.model);
  for (auto& reading : lane.readings)
    lane.batch->add(*reading->sequence, reading->parts[reading->n_parts_read], scoring(*reading));
}

void Readings::end_pass(Lane& lane, const OnDone& on_done) {
  lane.batch.reset();
  std::vector<std::unique_ptr<Reading>> readings = std::move(lane.readings);
  lane.readings.clear();
  for (auto& reading : readings) {
    ++reading->n_parts_read;
    if (reading->done())
      on_done(std::move(reading));
    else
      waiting_.insert(waiting_.begin(), std::move(reading));
  }
}

// Of several, each tries again alone: the others must not pay for one.
void Readings::fail(Lane& lane, const std::exception_ptr& why, const OnFailed& on_failed) {
  lane.batch.reset();
  std::vector<std::unique_ptr<Reading>> readings = std::move(lane.readings);
  lane.readings.clear();
  if (readings.size() == 1) return on_failed(std::move(readings.front()), why);
  for (auto& reading : readings) {
    reading->sequence.reset();
    reading->n_parts_read = 0;
    reading->logprobs.clear();
    if (reading->task.rows) reading->task.rows->of.clear();
    reading->alone = true;
    waiting_.insert(waiting_.begin(), std::move(reading));
  }
}

void Readings::advance(Clock::time_point deadline,
                       const OnDone& on_done,
                       const OnFailed& on_failed) {
  do {
    fill_lanes(on_done, on_failed);
    if (lanes_.empty()) return;
    turn_ = (turn_ + 1) % lanes_.size();
    Lane& lane = *lanes_[turn_];
    try {
      if (!lane.batch) start_batch(lane);
      if (!lane.batch->step()) end_pass(lane, on_done);
    } catch (...) {
      fail(lane, std::current_exception(), on_failed);
    }
    if (lane.readings.empty()) lanes_.erase(lanes_.begin() + static_cast<std::ptrdiff_t>(turn_));
  } while (Clock::now() < deadline);
}

void Readings::drop_cancelled(const std::function<void(const Reading&)>& gone) {
  const auto cancelled = [&](const std::unique_ptr<Reading>& reading) {
    return reading->task.outlet->cancelled();
  };
  std::erase_if(waiting_, [&](const std::unique_ptr<Reading>& reading) {
    if (!cancelled(reading)) return false;
    gone(*reading);
    return true;
  });
  std::erase_if(lanes_, [&](const std::unique_ptr<Lane>& lane) {
    if (!std::all_of(lane->readings.begin(), lane->readings.end(), cancelled)) return false;
    lane->batch.reset();  // before the sequences that it reads into
    for (const auto& reading : lane->readings) gone(*reading);
    return true;
  });
}

void Readings::clear(const std::function<void(const Reading&)>& gone) {
  for (const auto& reading : waiting_) gone(*reading);
  waiting_.clear();
  for (const auto& lane : lanes_) {
    lane->batch.reset();
    for (const auto& reading : lane->readings) gone(*reading);
  }
  lanes_.clear();
}

}  // namespace kvhost
