// SPDX-License-Identifier: Apache-2.0
// The result file of evaluations: cells go in, each once and whole, and come out again.
//
// SQLite with its rollback journal rather than a write-ahead log: a killed writer is undone by
// whoever opens the file next; a file in a read-only folder can be read, which a log cannot
// promise; and between cells the results are one file that may be copied. A cell takes seconds to measure,
// so that the slower commit (about 10 ms on a disk) does not matter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "results/cell.hpp"
#include "results/database.hpp"

namespace kvhost::results {

enum class Access { Read, Write };  // Write makes a file that is not there

// Empty fields choose everything.
struct Filter {
  std::string suite = "";  // its name, or how its hash begins
  std::string model = "";  // as the run calls it
  std::string task = "", metric = "";
};

// Any number of threads, and of processes on one file, may use it: whoever comes second waits.
class Store {
 public:
  // Throws Error: BadRequest where nothing is there to read, CannotLoad for a file that is damaged,
  // another program's, or newer, RunFailed where it cannot be written.
  Store(const std::filesystem::path& file, Access access, const Waiting& waiting = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // True once the cell was added, by whomever.
  bool has(const CellKey& key) const;

  // Writes the cell, all its measurements and the circumstances, or, when it throws, nothing. False
  // when the cell was there already: it stays as it was. Throws for a value that is NaN, a metric
  // named twice, and what Store() throws.
  bool add(const Run& run, const Cell& cell, std::span<const Measurement> measurements);

  // All of `cells` or, when it throws, none. Returns how many were not there before.
  int64_t add_all(std::span<const DoneCell> cells);

  // In an order that depends on what the cells say alone.
  std::vector<DoneCell> cells(const Filter& filter = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvhost::results
