// SPDX-License-Identifier: Apache-2.0
#include "serve/scheduler.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "base/text.hpp"
#include "engine/cache_needs.hpp"
#include "serve/answers.hpp"
#include "serve/facts.hpp"
#include "serve/fair_queue.hpp"
#include "serve/reading.hpp"
#include "serve/reading_start.hpp"

namespace kvhost {

namespace {

using Clock = std::chrono::steady_clock;

// What prompts of earlier requests may take of all cache.
constexpr int64_t kPromptShare = 2;
// Between two tokens of the answers under way, prompts are read for about as long as a token takes,
// and at least so long.
constexpr std::chrono::milliseconds kLeastReading(20), kAloneReading(50), kNap(2);

// The logits that outlive a task, as long as whoever asked for them works on them.
int64_t bytes_of_rows(const Task& task) {
  const auto n_tokens = static_cast<int64_t>(task.tokens.size());
  const int64_t n_rows = task.rows ? n_tokens - static_cast<int64_t>(task.rows_from) : 0;
  return n_rows * task.model.vocab_size() * static_cast<int64_t>(sizeof(float));
}

// The most that a task will hold at once. A document's own entries are held already.
int64_t bytes_of(const Task& task) {
  const int64_t per_token = cache_bytes_per_token(task.model), n = std::max(1, task.n_choices);
  const int64_t answers = task.n_choices * task.answer.max_new_tokens * per_token;
  const auto n_tokens = static_cast<int64_t>(task.tokens.size());
  const int64_t rows = bytes_of_rows(task);
  if (!task.document.empty()) return n * n_tokens * per_token + answers + rows;
  const CacheNeeds needs = cache_needs(task.model, task.policy, task.tokens);
  return std::max(needs.peak, n * needs.kept + answers) + rows;
}

Refusal shutting_down() {
  return {503, "server: is shutting down; expected one that runs", "", 0};
}

}  // namespace

struct Scheduler::State {
  State(const SchedulerLimits& with, Metrics& counted)
      : limits(with), metrics(counted), ledger(with.cache_bytes),
        answers(counted, [this](Running& one, Answers::End how) { end(one, how); }) {}

  void run();
  void take_in();
  void admit();
  void begin(Task task);
  void read_on();
  void finish_reading(std::unique_ptr<Reading> done);
  void start_answers(const std::shared_ptr<Reading>& reading);
  void keep_document(Reading& reading, const ReadFacts& facts);
  void answer_on();
  void keep_prompt(Running& one);
  void trim_shelf();
  void end(Running& one, Answers::End how);
  void drop_cancelled();
  void fail(const Task& task, const std::exception_ptr& why);
  void end_all();
  void note();
  bool works() const { return !queue.empty() || !readings.empty() || !answers.empty(); }

  const SchedulerLimits limits;
  Metrics& metrics;

  // Of the engine's thread.
  Shelf shelf;
  Ledger ledger;
  FairQueue queue;
  Readings readings;
  Answers answers;
  Clock::duration last_step{0};
  bool stalled = false;  // nobody could go on: their clients do not fetch

  // Shared.
  std::mutex mutex;
  std::condition_variable came;
  std::vector<Task> submitted;
  std::deque<std::packaged_task<void()>> jobs;
  std::atomic<int64_t> n_unfinished{0};
  std::atomic<bool> closed{false}, cut{false}, over{false};
  std::thread thread;
};

void Scheduler::State::fail(const Task& task, const std::exception_ptr& why) {
  task.outlet->put(Failed{refusal_of(why)});
  task.outlet->end_task();
  --n_unfinished;
}

void Scheduler::State::take_in() {
  std::deque<std::packaged_task<void()>> work;
  {
    std::unique_lock lock(mutex);
    const auto wanted = [this] { return !submitted.empty() || !jobs.empty() || over || cut; };
    if (!works() && ledger.promised() == 0)
      came.wait(lock, wanted);
    else if (!works() || stalled)  // what outlives its task is given back by another thread
      came.wait_for(lock, kNap, wanted);
    for (auto& task : submitted) queue.add(std::move(task));
    submitted.clear();
    work.swap(jobs);
  }
  for (auto& job : work) job();
}

// As long as there is room for the next one; it waits for running ones to end, others do not pass.
void Scheduler::State::admit() {
  while (!queue.empty()) {
    const auto busy = static_cast<int64_t>(answers.size() + readings.size());
    Task& next = queue.front();
    if (busy > 0 && busy + std::max(1, next.n_choices) > limits.answers) return;
    const int64_t room = ledger.most_bytes() - ledger.promised() - next.cache_bytes;
    if (room < 0 && busy > 0) return;
    shelf.shrink_to(std::max<int64_t>(0, room));
    begin(queue.take());
  }
}

void Scheduler::State::begin(Task given) {
  const int64_t bytes = given.cache_bytes;
  auto reading = std::make_unique<Reading>(std::move(given), ledger, bytes);
  prepare_reading(*reading, shelf);
  readings.add(std::move(reading));
}

void Scheduler::State::keep_document(Reading& reading, const ReadFacts& facts) {
  auto document = std::make_unique<StoredDocument>(
      reading.task.keep_as, std::move(*reading.sequence), *reading.task.conversation);
  document->title = reading.task.title;
  document->model = reading.task.model_name;
  document->facts = facts;
  document->created = std::chrono::duration_cast<std::chrono::seconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  shelf.add(std::move(document));
}

void Scheduler::State::finish_reading(std::unique_ptr<Reading> done) {
  const std::shared_ptr<Reading> reading = std::move(done);
  Task& task = reading->task;
  try {
    PromptRead event;
    event.prompt = task.prompt;
    event.facts = facts_of(*reading);
    if (task.score_prompt) {
      event.tokens = task.tokens;
      event.logprobs.emplace_back();
      for (auto& one : reading->logprobs) event.logprobs.push_back(std::move(one));
    }
    const ReadFacts& facts = event.facts;
    metrics.read(facts.n_tokens, facts.n_cached, facts.bytes_full, facts.bytes_kept,
                 facts.prefill_ms);
    const bool pressed = task.policy.press() != "none";
    if (task.reuse && pressed && reading->n_cached < facts.n_tokens)
      shelf.add_prompt(task.policy_key, reading->sequence->fork());
    if (!task.keep_as.empty()) keep_document(*reading, facts);
    task.outlet->put(std::move(event));
    start_answers(reading);
    trim_shelf();
  } catch (...) {
    fail(task, std::current_exception());
  }
}

void Scheduler::State::start_answers(const std::shared_ptr<Reading>& reading) {
  const Task& task = reading->task;
  if (task.n_choices == 0) {  // it stays as a document, or was read for its logits
    if (task.rows) task.rows->promise = std::make_unique<Promise>(ledger, bytes_of_rows(task));
    reading->promise.change(0);
    task.outlet->end_task();
    --n_unfinished;
    return;
  }
  const auto n_read = static_cast<int64_t>(reading->sequence->tokens().size());
  const int64_t left = task.context > 0 ? std::max<int64_t>(0, task.context - n_read)
                                        : task.answer.max_new_tokens;
  const int64_t kept = reading->sequence->bytes_kept();
  const int64_t growth =
      std::min(left, task.answer.max_new_tokens) * cache_bytes_per_token(task.model);
  std::vector<std::unique_ptr<Running>> made;
  for (int nth = 0; nth < task.n_choices; ++nth) {
    const bool last = nth + 1 == task.n_choices;
    Sequence own = last ? std::move(*reading->sequence) : reading->sequence->fork();
    made.push_back(std::unique_ptr<Running>(
        new Running{reading, nullptr, Answer(std::move(own), task, nth, left)}));
  }
  reading->promise.change(0);
  reading->n_answers = task.n_choices;
  for (auto& one : made) {
    one->promise = std::make_unique<Promise>(ledger, kept + growth);
    answers.add(std::move(one));
  }
}

void Scheduler::State::keep_prompt(Running& one) {
  const Task& task = one.reading->task;
  if (!task.reuse || task.policy.press() != "none") return;
  one.answer.sequence().forget_next();
  shelf.add_prompt(task.policy_key, std::move(one.answer.sequence()));
  trim_shelf();
}

// What is kept must not take what was promised.
void Scheduler::State::trim_shelf() {
  shelf.forget_prompts(ledger.most_bytes() / kPromptShare);
  shelf.shrink_to(std::max<int64_t>(0, ledger.most_bytes() - ledger.promised()));
}

// The last answer of a task ends it.
void Scheduler::State::end(Running& one, Answers::End how) {
  if (how == Answers::End::Done) keep_prompt(one);
  if (how == Answers::End::Gone) metrics.cancelled();
  if (--one.reading->n_answers > 0) return;
  one.reading->task.outlet->end_task();
  --n_unfinished;
}

void Scheduler::State::answer_on() {
  if (answers.empty()) {
    stalled = false;
    return;
  }
  const auto began = Clock::now();
  stalled = !answers.step() && readings.empty();
  last_step = Clock::now() - began;
}

void Scheduler::State::read_on() {
  if (readings.empty()) return;
  const Clock::duration share =
      answers.empty() ? kAloneReading : std::max<Clock::duration>(kLeastReading, last_step);
  readings.advance(
      Clock::now() + share,
      [this](std::unique_ptr<Reading> done) { finish_reading(std::move(done)); },
      [this](std::unique_ptr<Reading> failed, const std::exception_ptr& why) {
        fail(failed->task, why);
      });
}

void Scheduler::State::drop_cancelled() {
  const auto gone = [this](const Task& task) {
    metrics.cancelled();
    task.outlet->end_task();
    --n_unfinished;
  };
  queue.remove([](const Task& task) { return task.outlet->cancelled(); }, gone);
  readings.drop_cancelled([&](const Reading& reading) { gone(reading.task); });
  answers.drop_cancelled();
}

void Scheduler::State::end_all() {
  const auto told = [this](const Task& task) {
    task.outlet->put(Failed{shutting_down()});
    task.outlet->end_task();
    --n_unfinished;
  };
  queue.remove([](const Task&) { return true; }, told);
  readings.clear([&](const Reading& reading) { told(reading.task); });
  answers.end_all(shutting_down());
}

void Scheduler::State::note() {
  Metrics::Now now;
  now.queued = static_cast<int64_t>(queue.size());
  now.reading = static_cast<int64_t>(readings.size());
  now.answering = static_cast<int64_t>(answers.size());
  now.cache_bytes_promised = ledger.promised();
  now.cache_bytes_stored = shelf.bytes();
  now.cache_bytes_most = ledger.most_bytes();
  now.documents = static_cast<int64_t>(shelf.n_documents());
  metrics.set(now);
}

void Scheduler::State::run() {
  while (!over) {
    take_in();
    if (cut.exchange(false)) end_all();
    drop_cancelled();
    admit();
    answer_on();
    read_on();
    note();
  }
  end_all();
  const std::lock_guard lock(mutex);
  for (auto& task : submitted) fail(task, std::make_exception_ptr(Refused(shutting_down())));
  for (auto& job : jobs) job();
}

Scheduler::Scheduler(const SchedulerLimits& limits, Metrics& metrics)
    : state_(std::make_unique<State>(limits, metrics)) {
  state_->note();
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

Scheduler::~Scheduler() {
  close();
  {
    const std::lock_guard lock(state_->mutex);
    state_->over = true;
  }
  state_->came.notify_one();
  state_->thread.join();
}

void Scheduler::submit(std::vector<Task> tasks) {
  State& s = *state_;
  const auto now = Clock::now();
  for (auto& task : tasks) {
    task.submitted = now;
    task.cache_bytes = bytes_of(task);
    if (task.cache_bytes > s.limits.cache_bytes)
      refuse(400,
             "prompt: takes " + format_bytes(task.cache_bytes) + " of cache with its answer; expected no more "
             "than " + format_bytes(s.limits.cache_bytes) + " (--max-cache); try a smaller budget, "
             "max_tokens or n");
  }
  {
    const std::lock_guard lock(s.mutex);
    if (s.closed) throw Refused(shutting_down());
    const auto n = static_cast<int64_t>(tasks.size());
    if (s.n_unfinished + n > s.limits.queued)
      throw Refused({429, "server: " + std::to_string(s.n_unfinished.load()) +
                              " prompts wait or run already; expected fewer than " +
                              std::to_string(s.limits.queued) + "; try again later", "", 1});
    s.n_unfinished += n;
    for (auto& task : tasks) s.submitted.push_back(std::move(task));
  }
  s.came.notify_one();
}

void Scheduler::on_engine(const std::function<void(Shelf&)>& work) {
  State& s = *state_;
  std::packaged_task<void()> job([&] { work(s.shelf); });
  std::future<void> done = job.get_future();
  {
    const std::lock_guard lock(s.mutex);
    if (s.over) throw Refused(shutting_down());
    s.jobs.push_back(std::move(job));
  }
  s.came.notify_one();
  done.get();
}

void Scheduler::close() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
}

bool Scheduler::idle() const { return state_->n_unfinished == 0; }

void Scheduler::cut_off() {
  state_->cut = true;
  state_->came.notify_one();
}

}  // namespace kvhost
