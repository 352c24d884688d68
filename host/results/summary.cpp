// SPDX-License-Identifier: Apache-2.0
#include "results/summary.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "base/error.hpp"
#include "base/text.hpp"
#include "results/task_mean.hpp"

namespace kvhost::results {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// What is compared: one metric of one task under one suite, on one model and text.
struct Place {
  std::string task, metric, unit, model, suite, suite_hash, model_hash, data_hash;
  auto operator<=>(const Place&) const = default;
};

struct Arm {
  bool question_aware;
  double budget;
  std::string arm, composition;
  auto operator<=>(const Arm&) const = default;
};

using Seeds = std::vector<double>;
using Cases = std::map<std::string, Seeds>;

struct Group {
  std::string source;
  Better better = Better::Unsaid;
  Cases cases;
};

using Groups = std::map<Place, std::map<Arm, Group>>;

double mean(const Seeds& values) { return interval_of(values).mean; }

// The mean over one task is that task's own figure.
void drop_single_tasks(Groups& groups) {
  std::erase_if(groups, [](const auto& place) {
    if (place.first.metric != kTaskMean) return false;
    std::set<std::string> tasks;
    for (const auto& [arm, group] : place.second)
      for (const auto& [id, seeds] : group.cases) tasks.insert(benchmark_task(id));
    return tasks.size() < 2;
  });
}

Groups group(std::span<const DoneCell> cells) {
  Groups groups;
  for (const auto& done : cells) {
    const Cell& c = done.cell;
    for (const auto& m : done.measurements) {
      Place place{c.task,
                        m.metric,
                        m.unit,
                        done.run->model,
                        c.suite,
                        c.suite_hash,
                        c.model_hash,
                        c.data_hash};
      const Arm arm{c.question_aware, c.budget, c.arm, c.composition};
      const auto add = [&] {
        Group& group = groups[place][arm];
        group.better = m.better;
        group.source = done.run->source;
        group.cases[c.case_id].push_back(m.value);
      };
      add();
      if (!is_task_score(m) || benchmark_task(c.case_id).empty()) continue;
      place.metric = kTaskMean;
      add();
    }
  }
  drop_single_tasks(groups);
  return groups;
}

// One figure a case, of all or by the benchmark's task.
class Values {
 public:
  explicit Values(const std::string& metric) : by_task_(metric == kTaskMean) {}
  void add(const std::string& case_id, double value) {
    samples_[by_task_ ? benchmark_task(case_id) : ""].push_back(value);
  }
  bool empty() const { return samples_.empty(); }
  Interval interval() const {
    return by_task_ ? interval_of_samples(samples_) : interval_of(samples_.begin()->second);
  }

 private:
  bool by_task_;
  Samples samples_;
};

// Seeds of one case are not as good as cases: they are averaged first.
Interval over_cases(const std::string& metric, const Cases& cases) {
  if (cases.size() == 1) return interval_of(cases.begin()->second);
  Values means(metric);
  for (const auto& [name, seeds] : cases) means.add(name, mean(seeds));
  return means.interval();
}

std::optional<Interval> difference(const std::string& metric,
                                   const Cases& cases,
                                   const Cases& base) {
  Values differences(metric);
  if (cases.size() == 1) {  // then over its seeds, against the one figure of the base
    const auto& [name, seeds] = *cases.begin();
    const auto same = base.find(name);
    if (same == base.end()) return std::nullopt;
    for (const double value : seeds) differences.add(name, value - mean(same->second));
  } else {
    for (const auto& [name, seeds] : cases)
      if (const auto same = base.find(name); same != base.end())
        differences.add(name, mean(seeds) - mean(same->second));
  }
  if (differences.empty()) return std::nullopt;
  return differences.interval();
}

bool is_baseline(const Arm& arm, const std::string& wanted) {
  if (wanted.empty()) return arm.composition == "none";
  return arm.arm == wanted || arm.composition == wanted;
}

// The baseline to hold `arm` against: of its own kind of question where there is one, else any, as
// the full cache is the same for both; of several budgets the arm's own.
const Cases* baseline_for(const std::map<Arm, Group>& arms,
                          const Arm& arm,
                          const std::string& wanted) {
  const Cases* best = nullptr;
  int best_rank = -1;
  for (const auto& [other, group] : arms) {
    if (!is_baseline(other, wanted)) continue;
    const int rank =
        2 * (other.question_aware == arm.question_aware) + (other.budget == arm.budget);
    if (rank > best_rank) best = &group.cases;
    best_rank = std::max(best_rank, rank);
  }
  return best;
}

double bytes_of(const Groups& groups, Place place, const Arm& arm) {
  place.metric = kBytesMetric;
  place.unit = "bytes";
  const auto at = groups.find(place);
  if (at == groups.end()) return kNaN;
  const auto found = at->second.find(arm);
  return found == at->second.end() ? kNaN : over_cases(place.metric, found->second.cases).mean;
}

void check_baseline(const Groups& groups, const std::string& wanted) {
  std::set<std::string> names;
  for (const auto& [place, arms] : groups)
    for (const auto& [arm, group] : arms) {
      if (is_baseline(arm, wanted)) return;
      names.insert(arm.arm);
    }
  const std::vector<std::string> all(names.begin(), names.end());
  bad_request("--baseline",
              "found '" + wanted + "', which no result has; expected an arm (" + join(all, ", ") +
                  ") or a composition" + did_you_mean(wanted, all));
}

Line line_of(const Place& place, const Arm& arm, const Group& group) {
  Line line;
  line.suite = place.suite;
  line.suite_hash = place.suite_hash;
  line.model = place.model;
  line.model_hash = place.model_hash;
  line.data_hash = place.data_hash;
  line.source = group.source;
  line.task = place.task;
  line.metric = place.metric;
  line.unit = place.unit;
  line.better = group.better;
  line.arm = arm.arm;
  line.composition = arm.composition;
  line.budget = arm.budget;
  line.question_aware = arm.question_aware;
  line.value = over_cases(place.metric, group.cases);
  return line;
}

}  // namespace

std::vector<Line> summarise(std::span<const DoneCell> cells, const SummaryOptions& options) {
  const Groups groups = group(cells);
  if (!options.baseline.empty() && !groups.empty()) check_baseline(groups, options.baseline);
  std::vector<Line> lines;
  for (const auto& [place, arms] : groups) {
    if (options.metric.empty() ? place.metric == kBytesMetric : place.metric != options.metric)
      continue;
    for (const auto& [arm, group] : arms) {
      Line line = line_of(place, arm, group);
      line.is_baseline = is_baseline(arm, options.baseline);
      line.bytes = bytes_of(groups, place, arm);
      if (const Cases* base = baseline_for(arms, arm, options.baseline); base && !line.is_baseline)
        line.difference = difference(place.metric, group.cases, *base);
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

}  // namespace kvhost::results
