// SPDX-License-Identifier: Apache-2.0
// A page of results that nobody measured, to look at and to try: results_sample FILE.
#include <cstdio>
#include <fstream>

#include "made_cells.hpp"
#include "report/results_page.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

void add_times(results::DoneCell& done) {
  const double share = done.cell.budget;
  const bool full = done.cell.composition == "none";
  const auto add = [&](const char* metric, double ms) {
    done.measurements.push_back({metric, "ms", full ? 0 : ms, results::Better::Lower, ""});
  };
  add("score_ms", 14);
  add("allocate_ms", done.cell.arm == "AdaKV" ? 6 : 1);
  add("select_ms", 3 + 4 * share);
  add("compact_ms", 5 + 9 * share);
  done.measurements.push_back({"prefill_ms", "ms", full ? 210.0 : 240, results::Better::Lower, ""});
  done.measurements.push_back({"tpot_ms", "ms", 4 + 6 * share, results::Better::Lower, ""});
}

void add_needles(std::vector<results::DoneCell>& cells) {
  for (const auto& arm : made_arms())
    for (const double budget : {0.5, 0.25})
      for (const int length : {512, 1024, 2048, 4096})
        for (const double depth : {0.0, 0.25, 0.5, 0.75, 1.0}) {
          auto done = made_cell(arm, budget, length);
          done.cell.task = "needle";
          done.cell.case_id = std::to_string(length) + " at " + std::to_string(depth);
          const double lost = arm.loss * (1 - budget) * length / 2048 * (1.2 - depth);
          const std::string extra = "{\"depth\": " + std::to_string(depth) +
                                    ", \"length\": " + std::to_string(length) + "}";
          done.measurements = {
              {"accuracy", "", std::max(0.0, 1 - lost), results::Better::Higher, extra}};
          cells.push_back(done);
        }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: results_sample FILE\n");
    return 2;
  }
  ResultsView view;
  view.title = "made-up figures, for looking at the page";
  view.made = "no model, no machine";
  view.cells = made_cells(16);
  for (auto& done : view.cells) add_times(done);
  auto aware = made_cells(16);
  for (auto& done : aware) {
    if (done.cell.arm != "SnapKV") continue;
    done.cell.question_aware = true;
    done.measurements[1].value -= 0.05 * (1 - done.cell.budget);
    view.cells.push_back(done);
  }
  add_needles(view.cells);
  view.lines = results::summarise(view.cells);
  std::ofstream out(argv[1], std::ios::binary);
  write_results_page(out, view);
  return out.flush() ? 0 : 1;
}
