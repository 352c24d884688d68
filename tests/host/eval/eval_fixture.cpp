// SPDX-License-Identifier: Apache-2.0
#include "eval_fixture.hpp"

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "base/error.hpp"

namespace kvhost::test {

namespace fs = std::filesystem;

const char* const kSmallSuite = R"json({
  "arms": ["knorm", {"name": "AdaKV", "press": "adakv:snapkv(window_size=8)"}],
  "budgets": [0.5],
  "tasks": [{"kind": "likelihood", "name": "text", "files": "alice.txt", "segments": 2,
             "context": 96, "scored": 16}]
})json";

SuiteFolder::SuiteFolder() {
  for (const char* name : {"alice.txt", "thursday.txt"})
    fs::create_symlink(fs::path(KVHOST_SOURCE_DIR) / "examples/suites/texts" / name,
                       folder_ / name);
}

std::string SuiteFolder::write(const std::string& name, const std::string& bytes) const {
  return folder_.write(name, bytes);
}

eval::Suite SuiteFolder::suite(const std::string& json) const {
  return eval::read_suite(write("suite.json", json));
}

std::string refusal(const SuiteFolder& folder, const std::string& json) {
  try {
    folder.suite(json);
  } catch (const Error& e) {
    std::string line = e.what();
    const std::string place = (folder / "").string();
    for (size_t at; (at = line.find(place)) != std::string::npos;) line.erase(at, place.size());
    CHECK(e.code() == ExitCode::BadRequest);
    CHECK(line.find('\n') == std::string::npos);
    return line;
  }
  return "not refused";
}

const Engine& engine() {
  static const Engine one({{fs::path(KVHOST_TEST_PLUGINS), fs::path(KVHOST_TEST_ZOO)}}, {});
  return one;
}

const Model& tiny() {
  static const Model one =
      engine().open({fs::path(KVHOST_SOURCE_DIR) / "models/tiny", DType::Float32});
  return one;
}

int64_t measure(const eval::Suite& suite,
                const fs::path& file,
                const std::function<void(const eval::Advance&)>& advance) {
  results::Store store(file, results::Access::Write);
  const eval::Plan plan = eval::make_plan(engine(), tiny(), suite);
  eval::Evaluation evaluation;
  evaluation.run.model = "tiny";
  evaluation.suite_name = suite.name;
  evaluation.suite_hash = suite.hash;
  evaluation.model_hash = tiny().weights_hash();
  evaluation.question_aware = suite.question_aware;
  evaluation.advance = advance;
  eval::Evaluator evaluator(tiny(), plan, evaluation, &store);
  int64_t n_missing = 0;
  for (const auto& task : evaluator.left()) n_missing += task.n_missing;
  evaluator.run();
  return n_missing;
}

std::vector<results::DoneCell> cells_of(const fs::path& file) {
  return results::Store(file, results::Access::Read).cells();
}

std::string table_of(const fs::path& file) {
  std::ostringstream out;
  out.precision(17);
  for (const auto& done : cells_of(file))
    for (const auto& m : done.measurements)
      if (m.unit != "ms")
        out << done.cell.task << '|' << done.cell.case_id << '|' << done.cell.arm << '|'
            << done.cell.composition << '|' << done.cell.budget << '|' << done.cell.question_aware
            << '|' << done.cell.seed << '|' << m.metric << '|' << m.value << '|' << m.extra << '\n';
  return out.str();
}

const results::Measurement& figure(const results::DoneCell& cell, const std::string& metric) {
  for (const auto& m : cell.measurements)
    if (m.metric == metric) return m;
  FAIL("no " + metric + " in " + cell.cell.arm + ", " + cell.cell.case_id);
  return cell.measurements.front();
}

}  // namespace kvhost::test
