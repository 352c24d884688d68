// SPDX-License-Identifier: Apache-2.0
// Measures a plan cell by cell. What the store has already is not measured again, so that a suite
// that was stopped, by whatever, goes on where it stopped.
#pragma once

#include <functional>
#include <string>

#include "eval/plan.hpp"
#include "results/store.hpp"

namespace kvhost::eval {

struct Advance {
  int64_t n_done = 0, n_cells = 0;  // those that were there before count as done
  double seconds_left = 0;          // about
  std::string now;                  // "wikitext SnapKV 25%"
  double share = 0;                 // of what goes on now
};

struct Evaluation {
  results::Run run;  // the circumstances
  std::string suite_name, suite_hash, model_hash;
  std::vector<bool> question_aware;
  std::function<void(const Advance&)> advance;  // may be empty
};

class WorkTime;

class Evaluator {
 public:
  // `store`: null to plan only, as if nothing had been measured.
  Evaluator(const Model& model, const Plan& plan, Evaluation evaluation, results::Store* store);
  ~Evaluator();

  struct Left {
    std::string task;
    int64_t n_cells = 0, n_missing = 0;
    double seconds = 0;  // about, for the missing ones
  };
  // Of each task of the plan. Reads the weights and measures a little to tell.
  std::vector<Left> left();

  // Throws Error that says where in the suite; what was measured until then is in the store.
  void run();

 private:
  struct Unit;  // cells of one composition on one text that are measured together
  std::vector<bool> sights(const Text& text) const;  // with the question out of sight, in sight
  std::vector<Unit> units(const Text& text, bool question_aware) const;
  double seconds(const std::vector<Unit>& units) const;
  results::Cell cell_of(const Unit& unit, const std::string& id) const;
  std::vector<size_t> missing(const Unit& unit) const;
  void measure(const std::vector<Unit>& units);
  void measure_together(const std::vector<Unit>& units);
  void measure_aware(const std::vector<Unit>& units);
  void measure_one(const Unit& unit, Sequence read);
  template <class Use>
  void at_place_of(const Unit& unit, const Use& use);
  Sequence::Progress progress_of(const Unit& unit);
  Diagnosis* diagnosis(const Text& text);  // null where none is wanted
  void keep(const Unit& unit, const std::string& id, const Figures& figures);
  void tell(const Unit& unit, double share);

  const Model& model_;
  const Plan& plan_;
  Evaluation evaluation_;
  results::Store* store_;
  std::unique_ptr<WorkTime> time_;
  // Of the text at hand.
  std::unique_ptr<Diagnosis> diagnosis_;
  std::unique_ptr<SegmentScorer> scorer_;
  int64_t n_done_ = 0, n_cells_ = 0;
  double seconds_left_ = 0;
  bool keeping_ = false;  // an error now is the store's
};

}  // namespace kvhost::eval
