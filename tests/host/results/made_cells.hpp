// SPDX-License-Identifier: Apache-2.0
// Cells whose figures are a formula, for tests: nothing here was measured.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "results/store.hpp"
#include "temp_folder.hpp"

namespace kvhost::test {

class ResultFolder {
 public:
  ResultFolder() {
    chmod(folder_.path().c_str(), 0755);  // another user looks into it, too
  }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TempFolder folder_;
};

inline std::shared_ptr<const results::Run> made_run(
    const std::string& begun = "2026-01-02T03:04:05Z") {
  results::Run run;
  run.model = "made";
  run.code_version = "kvhost test";
  run.cpu = "no CPU";
  run.threads = 2;
  run.dtype = "float32";
  run.begun = begun;
  run.host = "nowhere";
  return std::make_shared<const results::Run>(run);
}

struct MadeArm {
  std::string arm, composition;
  double loss;  // how fast it grows as less is kept
};

inline const std::vector<MadeArm>& made_arms() {
  static const std::vector<MadeArm> arms = {{"SnapKV", "uniform:snapkv", 0.20},
                                            {"AdaKV", "uniform:adakv:snapkv", 0.15},
                                            {"window", "uniform:streaming_llm", 0.40}};
  return arms;
}

inline results::DoneCell made_cell(const MadeArm& arm,
                                   double budget,
                                   int case_number,
                                   int64_t seed = 0) {
  results::DoneCell done;
  done.run = made_run();
  results::Cell& cell = done.cell;
  cell.suite = "made_suite";
  cell.suite_hash = "5017e0";
  cell.model_hash = "30de1";
  cell.data_hash = "da7a";
  cell.task = "perplexity";
  cell.case_id = "segment " + std::to_string(case_number);
  cell.arm = arm.arm;
  cell.composition = arm.composition;
  cell.budget = budget;
  cell.seed = seed;
  const double hard = 2 + 0.3 * std::sin(case_number);  // cases differ more than arms do
  const double nll = hard + arm.loss * (1 - budget) * (1 + 0.1 * std::cos(3 * case_number + seed));
  done.measurements = {
      {results::kBytesMetric, "bytes", std::floor(1e6 * budget), results::Better::Lower, ""},
      {"nll", "nats", nll, results::Better::Lower, R"({"n_tokens": 512})"},
      {"top1", "", 1 - 0.5 * arm.loss * (1 - budget), results::Better::Higher, ""}};
  return done;
}

// The full cache and three arms at three budgets, `n_cases` each.
inline std::vector<results::DoneCell> made_cells(int n_cases = 4) {
  std::vector<results::DoneCell> cells;
  for (int i = 0; i < n_cases; ++i) {
    cells.push_back(made_cell({"full", "none", 0}, 1, i));
    for (const auto& arm : made_arms())
      for (const double budget : {0.5, 0.25, 0.125}) cells.push_back(made_cell(arm, budget, i));
  }
  return cells;
}

// All that a file holds, without when it was measured.
inline std::string table_of(const std::filesystem::path& file) {
  std::ostringstream out;
  out.precision(17);
  for (const auto& done : results::Store(file, results::Access::Read).cells()) {
    const auto& c = done.cell;
    for (const auto& m : done.measurements)
      out << c.suite << '|' << c.suite_hash << '|' << c.task << '|' << c.case_id << '|' << c.arm
          << '|' << c.composition << '|' << c.budget << '|' << c.question_aware << '|' << c.seed
          << '|' << m.metric << '|' << m.unit << '|' << m.value << '|' << m.extra << '|'
          << done.run->cpu << '\n';
  }
  return out.str();
}

}  // namespace kvhost::test
