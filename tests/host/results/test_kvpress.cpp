// SPDX-License-Identifier: Apache-2.0
// Folders written by tests/oracle/kvpress_results.py, as kvpress's evaluate.py writes its own.
#include <catch2/catch.hpp>
#include <map>

#include "base/error.hpp"
#include "made_cells.hpp"
#include "results/kvpress_folder.hpp"
#include "results/merge.hpp"
#include "results/summary.hpp"
#include "results/table_text.hpp"

using Catch::Contains;
using Catch::Matchers::WithinAbs;
using namespace kvhost::results;
using namespace kvhost::test;
namespace fs = std::filesystem;

namespace {

fs::path golden() { return fs::path(KVHOST_TEST_DATA) / "golden/kvpress_results"; }

const DoneCell& find_cell(const std::vector<DoneCell>& cells,
                          const std::string& task,
                          const std::string& composition) {
  for (const auto& done : cells)
    if (done.cell.task == task && done.cell.composition == composition) return done;
  FAIL("no cell of " << task << ", " << composition);
  return cells.front();
}

}  // namespace

TEST_CASE("kvpress's folders become cells that name their source") {
  const auto cells = read_kvpress(golden());
  CHECK(cells.size() == 2 + 2 + 1 + 1);
  const DoneCell& needle = find_cell(cells, "ruler/niah_single_1", "kvpress snapkv");
  CHECK(needle.run->model == "meta-llama/Meta-Llama-3.1-8B-Instruct");
  CHECK(needle.run->source ==
        "kvpress ruler__4096__meta-llama--Meta-Llama-3.1-8B-Instruct__snapkv__0.50");
  CHECK(needle.cell.suite == "kvpress");
  CHECK(needle.cell.arm == "snapkv (kvpress)");
  CHECK(needle.cell.data_hash == "ruler/4096");
  CHECK_THAT(needle.cell.budget, WithinAbs(0.5, 1e-12));
  CHECK_FALSE(needle.cell.question_aware);
  CHECK(needle.cell.seed == 42);
  CHECK(needle.measurements ==
        std::vector<Measurement>{
            {"string_match", "%", 66.67, Better::Higher, R"({"n_predictions":3})"}});
  const DoneCell& vt = find_cell(cells, "ruler/vt", "none");
  CHECK(vt.measurements[0].value == 97.25);
  CHECK(vt.measurements[0].extra == R"({"n_predictions":2})");

  const DoneCell& trec = find_cell(cells, "longbench/trec", "kvpress knorm");
  CHECK(trec.measurements[0].metric == "score");
  CHECK(trec.measurements[0].value == 58.5);
  CHECK(trec.cell.question_aware);
  CHECK(trec.cell.suite_hash == "kvpress fraction=0.1");
  CHECK_THAT(trec.cell.budget, WithinAbs(0.75, 1e-12));

  CHECK(find_cell(cells, "aime25", "none").measurements.size() == 4);
}

TEST_CASE("kvpress's figures stand beside kvhost's, and come once") {
  const ResultFolder folder;
  Store store(folder / "all.db", Access::Write);
  merge(store, made_cells(2));
  const auto cells = read_kvpress(golden());
  CHECK(merge(store, cells).n_new == 6);
  CHECK(merge(store, cells).n_new == 0);
  bool any = false;
  for (const auto& line : summarise(store.cells()))
    if (line.task == "ruler/vt" && !line.is_baseline) {
      any = true;
      REQUIRE(line.difference);
      CHECK_THAT(line.difference->mean, WithinAbs(41.5 - 97.25, 1e-12));
    }
  CHECK(any);
}

TEST_CASE("what is no result of kvpress is refused in a line") {
  const ResultFolder folder;
  CHECK_THROWS_WITH(read_kvpress(folder.path()), Contains("found no metrics.json"));
  CHECK_THROWS_WITH(read_kvpress(folder / "absent"), Contains("cannot be read"));
  fs::create_directories(folder / "run");
  std::ofstream(folder / "run/metrics.json") << "{}";
  CHECK_THROWS_WITH(read_kvpress(folder.path()), Contains("config.yaml"));
  std::ofstream(folder / "run/config.yaml") << "dataset: ruler\nmodel: m\n";
  CHECK_THROWS_WITH(read_kvpress(folder.path()), Contains("found no press_name"));
  std::ofstream(folder / "run/config.yaml", std::ios::app) << "press_name: knorm\n";
  CHECK_THROWS_WITH(read_kvpress(folder.path()), Contains("metrics.json: holds no number"));
  std::ofstream(folder / "run/metrics.json") << "1.5";
  std::ofstream(folder / "run/config.yaml", std::ios::app) << "compression_ratio: half\n";
  CHECK_THROWS_WITH(read_kvpress(folder.path()), Contains("found 'half'; expected a number"));
}

TEST_CASE("rows of CSV are counted by a column, line breaks in quotes and all") {
  const std::string csv = "a,\"task\"\n1,x\n\"2,\n\"\"y\",z\n3,x\n";
  CHECK(count_by_column(csv, "task") == std::map<std::string, int64_t>{{"x", 2}, {"z", 1}});
  CHECK(count_by_column(csv, "other") == std::map<std::string, int64_t>{{"", 3}});
}
