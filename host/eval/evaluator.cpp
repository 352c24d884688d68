// SPDX-License-Identifier: Apache-2.0
#include "eval/evaluator.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "eval/work_time.hpp"

namespace kvhost::eval {

struct Evaluator::Unit {
  const Text* text;
  const Setting* setting;
  bool question_aware;
  int64_t seed;

  size_t size() const { return text->segment ? 1 : text->asks.size(); }
  const std::string& id(size_t i) const {
    return text->segment ? text->segment->id : text->asks[i].id;
  }
};

Evaluator::Evaluator(const Model& model,
                     const Plan& plan,
                     Evaluation evaluation,
                     results::Store* store)
    : model_(model), plan_(plan), evaluation_(std::move(evaluation)), store_(store) {}

Evaluator::~Evaluator() = default;

template <class Use>
void Evaluator::each_unit(const Use& use) {
  const std::vector<bool> without = {false};
  for (const Text& text : plan_) {
    for (const Setting& setting : text.settings)
      for (const bool aware :
           text.segment || text.conversation ? without : evaluation_.question_aware)
        for (const int64_t seed : setting.seeds) use(Unit{&text, &setting, aware, seed});
    scorer_.reset();
    diagnosis_.reset();
  }
}

results::Cell Evaluator::cell_of(const Unit& unit, const std::string& id) const {
  results::Cell cell;
  cell.suite = evaluation_.suite_name;
  cell.suite_hash = evaluation_.suite_hash;
  cell.model_hash = evaluation_.model_hash;
  cell.data_hash = unit.text->data_hash;
  cell.task = task_name(*unit.text->task);
  cell.case_id = id;
  cell.composition = unit.setting->composition;
  cell.budget = unit.setting->budget;
  cell.question_aware = unit.question_aware;
  cell.seed = unit.seed;
  cell.arm = unit.setting->arm;
  return cell;
}

std::vector<size_t> Evaluator::missing(const Unit& unit) const {
  std::vector<size_t> out;
  for (size_t i = 0; i < unit.size(); ++i)
    if (!store_ || !store_->has(cell_of(unit, unit.id(i)))) out.push_back(i);
  // A conversation is measured from its beginning.
  if (unit.text->conversation && !out.empty()) {
    out.resize(unit.size());
    std::iota(out.begin(), out.end(), size_t{0});
  }
  return out;
}

std::vector<Evaluator::Left> Evaluator::left() {
  if (plan_.empty()) return {};
  if (!time_) time_ = std::make_unique<WorkTime>(model_, plan_.front().settings.front().policy);
  std::vector<Left> out;
  each_unit([&](const Unit& unit) {
    const std::string& task = task_name(*unit.text->task);
    if (out.empty() || out.back().task != task) out.push_back({task, 0, 0, 0});
    Left& left = out.back();
    const auto n = static_cast<int64_t>(missing(unit).size());
    left.n_cells += static_cast<int64_t>(unit.size());
    left.n_missing += n;
    if (n > 0)
      left.seconds += time_->seconds(work_of(*unit.text, *unit.setting, unit.question_aware));
  });
  return out;
}

void Evaluator::tell(const Unit& unit, double share) {
  if (!evaluation_.advance) return;
  const std::string budget =
      unit.setting->policy.press() == "none"
          ? ""
          : " " + std::to_string(std::lround(100 * unit.setting->budget)) + "%";
  evaluation_.advance({n_done_,
                       n_cells_,
                       seconds_left_,
                       task_name(*unit.text->task) + " " + unit.setting->arm + budget,
                       share});
}

void Evaluator::keep(const Unit& unit, const std::string& id, const Figures& figures) {
  keeping_ = true;
  store_->add(evaluation_.run, cell_of(unit, id), figures);
  keeping_ = false;
  ++n_done_;
}

Diagnosis* Evaluator::diagnosis(const Text& text) {
  if (!text.diagnose) return nullptr;
  if (!diagnosis_)
    diagnosis_ = std::make_unique<Diagnosis>(
        model_, text.segment ? text.segment->context : text.asker->tokens());
  return diagnosis_.get();
}

void Evaluator::measure_segment(const Unit& unit, const Sequence::Progress& progress) {
  const Text& text = *unit.text;
  if (!scorer_)
    scorer_ = std::make_unique<SegmentScorer>(
        model_, *text.segment, text.settings.front().policy, diagnosis(text));
  keep(unit,
       text.segment->id,
       scorer_->measure(unit.setting->policy, static_cast<uint64_t>(unit.seed), progress));
}

void Evaluator::measure_asks(const Unit& unit,
                             const std::vector<size_t>& asks,
                             const Sequence::Progress& progress) {
  const Text& text = *unit.text;
  const Policy& policy = unit.setting->policy;
  const auto seed = static_cast<uint64_t>(unit.seed);
  std::vector<Ask> chosen;
  for (const size_t i : asks) chosen.push_back(text.asks[i]);
  if (!unit.question_aware) {
    text.asker->ask(policy,
                    seed,
                    text.conversation,
                    chosen,
                    progress,
                    diagnosis(text),
                    [&](size_t i, const Figures& figures) { keep(unit, chosen[i].id, figures); });
    return;
  }
  for (const auto& ask : chosen)
    keep(unit, ask.id, text.asker->ask_aware(policy, seed, ask, progress, diagnosis(text)));
}

void Evaluator::measure(const Unit& unit, const std::vector<size_t>& asks) {
  const Sequence::Progress progress = [&](double share) { tell(unit, share); };
  try {
    if (unit.text->segment)
      measure_segment(unit, progress);
    else
      measure_asks(unit, asks, progress);
  } catch (const Error& e) {
    if (keeping_ || e.code() == ExitCode::Interrupted) throw;
    at_place(e, unit.setting->place);
  }
}

void Evaluator::run() {
  n_cells_ = n_done_ = 0;
  seconds_left_ = 0;
  for (const Left& task : left()) {
    n_cells_ += task.n_cells;
    n_done_ += task.n_cells - task.n_missing;
    seconds_left_ += task.seconds;
  }
  each_unit([&](const Unit& unit) {
    const std::vector<size_t> asks = missing(unit);
    if (asks.empty()) return;
    const Work work = work_of(*unit.text, *unit.setting, unit.question_aware);
    const auto start = std::chrono::steady_clock::now();
    const double before = time_->seconds(work);
    tell(unit, 0);
    measure(unit, asks);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    time_->done(work, taken.count());
    // What is left was guessed at the old pace.
    seconds_left_ = std::max(seconds_left_ - before, 0.0) * time_->seconds(work) / before;
    tell(unit, 1);
  });
}

}  // namespace kvhost::eval
