// SPDX-License-Identifier: Apache-2.0
#include "cli/results_flags.hpp"

#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/flags.hpp"
#include "results/contents.hpp"
#include "results/task_mean.hpp"

namespace kvhost {

using results::DoneCell;
using results::Filter;

namespace {

using Names = std::set<std::string>;

void check_name(const std::string& flag, const std::string& given, const Names& known) {
  if (given.empty() || known.contains(given)) return;
  const std::vector<std::string> names(known.begin(), known.end());
  bad_request(flag,
              "found " + quoted(given) + "; expected one of " + join(names, ", ") +
                  did_you_mean(given, names));
}

// Which of the flags names what is not there.
[[noreturn]] void refuse_empty(const ResultChoice& choice, const std::vector<DoneCell>& all) {
  if (all.empty()) bad_request(choice.db, "holds no results; expected what kvhost eval wrote");
  Names suites, models, tasks, metrics;
  for (const auto& suite : results::contents_of(all)) {
    suites.insert(suite.suite);
    models.insert(suite.model);
    tasks.insert(suite.tasks.begin(), suite.tasks.end());
    metrics.insert(suite.metrics.begin(), suite.metrics.end());
  }
  check_name("--suite", choice.filter.suite, suites);
  check_name("--model", choice.filter.model, models);
  check_name("--task", choice.filter.task, tasks);
  check_name("--metric", choice.filter.metric, metrics);
  bad_request(choice.db,
              "holds no result that --suite, --model, --task and --metric all fit; kvhost results "
              "list shows what there is");
}

}  // namespace

void add_result_flags(CLI::App& app, const std::shared_ptr<ResultChoice>& choice) {
  const auto text = [&](const Flag& flag, auto target) {
    add_text(app, flag, [choice, target](const std::string& v) { target(*choice) = v; });
  };
  text({"--db", "FILE", "The file of results. Default: results.db."},
       [](ResultChoice& c) -> std::string& { return c.db; });
  text({"--suite", "NAME", "Only this suite; its name, or how its hash begins."},
       [](ResultChoice& c) -> std::string& { return c.filter.suite; });
  text({"--model", "NAME", "Only this model, as the results call it."},
       [](ResultChoice& c) -> std::string& { return c.filter.model; });
  text({"--task", "NAME", "Only this task."},
       [](ResultChoice& c) -> std::string& { return c.filter.task; });
  text({"--metric", "NAME", "Only this metric."},
       [](ResultChoice& c) -> std::string& { return c.filter.metric; });
  text({"--baseline",
        "ARM",
        "What differences are taken from, an arm or a composition. Default: "
        "none, the full cache."},
       [](ResultChoice& c) -> std::string& { return c.baseline; });
}

std::vector<DoneCell> chosen_cells(const ResultChoice& choice) {
  const results::Store store(choice.db, results::Access::Read);
  // The bytes stand in every line, whatever metric is asked for: that one is chosen later.
  Filter filter = choice.filter;
  filter.metric.clear();
  auto cells = store.cells(filter);
  bool any = false;
  for (const auto& done : cells)
    for (const auto& m : done.measurements)
      any |= choice.filter.metric.empty() || m.metric == choice.filter.metric ||
             (choice.filter.metric == results::kTaskMean && results::is_task_score(m));
  if (!any) refuse_empty(choice, store.cells());
  return cells;
}

std::vector<results::Line> chosen_lines(const ResultChoice& choice,
                                        const std::vector<DoneCell>& cells) {
  return results::summarise(cells, {.baseline = choice.baseline, .metric = choice.filter.metric});
}

}  // namespace kvhost
