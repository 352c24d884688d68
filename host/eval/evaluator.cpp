// SPDX-License-Identifier: Apache-2.0
#include "eval/evaluator.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "eval/shared_prompt.hpp"
#include "eval/work_time.hpp"
#include "measure/report_json.hpp"
#include "measure/stopwatch.hpp"

namespace kvhost::eval {

struct Evaluator::Unit {
  const Text* text;
  const Setting* setting;
  bool question_aware;
  int64_t seed;
  std::vector<size_t> asks{};  // that are missing; of a segment, 0

  size_t size() const { return text->segment ? 1 : text->asks.size(); }
  const std::string& id(size_t i) const {
    return text->segment ? text->segment->id : text->asks[i].id;
  }
  bool misses(size_t ask) const { return std::find(asks.begin(), asks.end(), ask) != asks.end(); }
};

Evaluator::Evaluator(const Model& model,
                     const Plan& plan,
                     Evaluation evaluation,
                     results::Store* store)
    : model_(model), plan_(plan), evaluation_(std::move(evaluation)), store_(store) {}

Evaluator::~Evaluator() = default;

std::vector<bool> Evaluator::sights(const Text& text) const {
  return text.segment || text.conversation ? std::vector<bool>{false} : evaluation_.question_aware;
}

std::vector<Evaluator::Unit> Evaluator::units(const Text& text, bool question_aware) const {
  std::vector<Unit> out;
  for (const Setting& setting : text.settings)
    for (const int64_t seed : setting.seeds) {
      out.push_back({&text, &setting, question_aware, seed});
      out.back().asks = missing(out.back());
    }
  return out;
}

// A text is read once for all who compress it, each for itself; with the question in sight, once a
// question.
double Evaluator::seconds(const std::vector<Unit>& units) const {
  const Text& text = *units.front().text;
  std::set<size_t> asked;
  const auto n_prompt = static_cast<int64_t>(prompt_of(text).size());
  const auto read_for = [&](size_t n_asks) {  // tokens
    const size_t times = units.front().question_aware ? n_asks : n_asks == 0 ? 0 : 1;
    return n_prompt * static_cast<int64_t>(times);
  };
  double sum = 0;
  for (const Unit& unit : units) {
    asked.insert(unit.asks.begin(), unit.asks.end());
    sum += time_->seconds(work_behind(text, *unit.setting, unit.asks)) +
           time_->seconds_to_compress(*unit.setting, read_for(unit.asks.size()));
  }
  return sum + time_->seconds({read_for(asked.size()), 0});
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
  cell.plugins = to_json(unit.setting->policy.plugins()).dump();
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
  if (!time_) time_ = std::make_unique<WorkTime>(model_, plan_);
  std::vector<Left> out;
  for (const Text& text : plan_)
    for (const bool aware : sights(text)) {
      const std::string& task = task_name(*text.task);
      if (out.empty() || out.back().task != task) out.push_back({task, 0, 0, 0});
      const std::vector<Unit> all = units(text, aware);
      for (const Unit& unit : all) {
        out.back().n_cells += static_cast<int64_t>(unit.size());
        out.back().n_missing += static_cast<int64_t>(unit.asks.size());
      }
      out.back().seconds += seconds(all);
    }
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

Sequence::Progress Evaluator::progress_of(const Unit& unit) {
  return [this, &unit](double share) { tell(unit, share); };
}

// Errors of the measuring say where in the suite.
template <class Use>
void Evaluator::at_place_of(const Unit& unit, const Use& use) {
  try {
    tell(unit, 0);
    use();
    tell(unit, 1);
  } catch (const Error& e) {
    if (keeping_ || e.code() == ExitCode::Interrupted) throw;
    at_place(e, unit.setting->place);
  }
}

void Evaluator::measure_one(const Unit& unit, Sequence read) {
  const Text& text = *unit.text;
  if (text.segment) {
    if (!scorer_)
      scorer_ = std::make_unique<SegmentScorer>(
          model_, *text.segment, text.settings.front().policy, diagnosis(text));
    const Policy& policy = unit.setting->policy;
    keep(unit, unit.id(0), scorer_->measure(policy, std::move(read), progress_of(unit)));
    return;
  }
  std::vector<Ask> chosen;
  for (const size_t i : unit.asks) chosen.push_back(text.asks[i]);
  text.asker->ask(read,
                  text.conversation,
                  chosen,
                  diagnosis(text),
                  [&](size_t i, const Figures& figures) { keep(unit, chosen[i].id, figures); });
}

void Evaluator::measure_together(const std::vector<Unit>& units) {
  SharedPrompt prompt(model_, prompt_of(*units.front().text));
  for (const Unit& unit : units)
    prompt.add(unit.setting->policy, static_cast<uint64_t>(unit.seed));
  for (const Unit& unit : units)
    at_place_of(unit, [&] { measure_one(unit, prompt.take(progress_of(unit))); });
}

void Evaluator::measure_aware(const std::vector<Unit>& units) {
  const Text& text = *units.front().text;
  for (size_t i = 0; i < text.asks.size(); ++i) {
    const Ask& ask = text.asks[i];
    SharedPrompt prompt(model_, text.asker->tokens_with(ask));
    for (const Unit& unit : units)
      if (unit.misses(i)) prompt.add(unit.setting->policy, static_cast<uint64_t>(unit.seed));
    for (const Unit& unit : units)
      if (unit.misses(i))
        at_place_of(unit, [&] {
          Sequence read = prompt.take(progress_of(unit));
          keep(unit, ask.id, text.asker->ask_aware(std::move(read), ask, diagnosis(text)));
        });
  }
}

void Evaluator::measure(const std::vector<Unit>& units) {
  const double guess = seconds(units);
  const auto start = std::chrono::steady_clock::now();
  if (units.front().question_aware)
    measure_aware(units);
  else
    measure_together(units);
  time_->done(guess, ms_since(start) / 1e3);
  // What is left was guessed at the old pace.
  seconds_left_ = std::max(seconds_left_ - guess, 0.0) * seconds(units) / guess;
  tell(units.back(), 1);
}

void Evaluator::run() {
  n_cells_ = n_done_ = 0;
  seconds_left_ = 0;
  for (const Left& task : left()) {
    n_cells_ += task.n_cells;
    n_done_ += task.n_cells - task.n_missing;
    seconds_left_ += task.seconds;
  }
  for (const Text& text : plan_) {
    for (const bool aware : sights(text)) {
      std::vector<Unit> wanted = units(text, aware);
      std::erase_if(wanted, [](const Unit& unit) { return unit.asks.empty(); });
      if (!wanted.empty()) measure(wanted);
    }
    scorer_.reset();
    diagnosis_.reset();
  }
}

}  // namespace kvhost::eval
