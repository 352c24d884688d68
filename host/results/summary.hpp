// SPDX-License-Identifier: Apache-2.0
// Cells told in lines: each composition, budget and metric of a task with its mean and interval,
// and its difference from the full cache on the same cases.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "results/cell.hpp"
#include "results/interval.hpp"

namespace kvhost::results {

struct Line {
  std::string suite, suite_hash, model, model_hash, data_hash, source;
  std::string task, metric, unit;
  Better better = Better::Unsaid;
  std::string arm, composition;
  double budget = 1;
  bool question_aware = false;
  bool is_baseline = false;

  // Over cases, each the mean of its seeds; over seeds where there is one case.
  Interval value;
  double bytes = 0;  // kept, mean over the cases; NaN where nobody measured it
  // This minus the baseline, over the cases that both have: far narrower than two intervals, as
  // cases differ more than compositions do.
  std::optional<Interval> difference;
};

struct SummaryOptions {
  // An arm or a composition; "": the composition "none", the full cache.
  std::string baseline = "";
  std::string metric = "";  // "": all but the bytes, which have their own place in every line
};

// By task, metric, model, suite, question-aware, budget, arm. Throws Error where a named baseline
// is not among the cells.
std::vector<Line> summarise(std::span<const DoneCell> cells, const SummaryOptions& options = {});

}  // namespace kvhost::results
