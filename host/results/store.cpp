// SPDX-License-Identifier: Apache-2.0
#include "results/store.hpp"

#include <cmath>
#include <map>
#include <mutex>
#include <set>

#include "base/error.hpp"
#include "results/schema.hpp"

namespace kvhost::results {

namespace fs = std::filesystem;

namespace {

constexpr const char* kKeyMatches =
    "suite_hash = ?1 AND model_hash = ?2 AND data_hash = ?3 AND task = ?4 AND case_id = ?5 AND "
    "composition = ?6 AND budget = ?7 AND question_aware = ?8 AND seed = ?9";

void add_key(Statement& statement, const CellKey& key) {
  statement.add(key.suite_hash).add(key.model_hash).add(key.data_hash);
  statement.add(key.task).add(key.case_id).add(key.composition).add(key.budget);
  statement.add(int64_t{key.question_aware}).add(key.seed);
}

std::string better_name(Better better) {
  return better == Better::Higher ? "higher" : better == Better::Lower ? "lower" : "";
}

Better better_of(const std::string& name) {
  return name == "higher" ? Better::Higher : name == "lower" ? Better::Lower : Better::Unsaid;
}

int64_t run_row(Database& database, const Run& run) {
  const auto add = [&run](Statement& statement) {
    statement.add(run.model).add(run.code_version).add(run.cpu).add(run.threads);
    statement.add(run.dtype).add(run.begun).add(run.host).add(run.source);
  };
  Statement find(database,
                 "SELECT id FROM run WHERE model = ?1 AND code_version = ?2 AND cpu = ?3 AND "
                 "threads = ?4 AND dtype = ?5 AND begun = ?6 AND host = ?7 AND source = ?8");
  add(find);
  if (find.step()) return find.integer(0);
  Statement insert(database,
                   "INSERT INTO run(model, code_version, cpu, threads, dtype, begun, host, source) "
                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  add(insert);
  insert.step();
  return database.last_row();
}

void check(const Database& database, const Cell& cell, std::span<const Measurement> measurements) {
  std::set<std::string> names;
  for (const auto& m : measurements) {
    const std::string place = "task " + cell.task + ", case " + cell.case_id + ", " + cell.arm;
    if (std::isnan(m.value))
      run_failed(database.name(),
                 m.metric + " of " + place +
                     " is NaN; expected a number; leave out a metric that "
                     "is not defined");
    if (m.metric.empty() || !names.insert(m.metric).second)
      run_failed(database.name(),
                 "found the metric '" + m.metric + "' twice or without a name in " + place +
                     "; expected a name for each");
  }
}

bool is_there(Database& database, const CellKey& key) {
  Statement find(database, std::string("SELECT 1 FROM cell WHERE ") + kKeyMatches);
  add_key(find, key);
  return find.step();
}

// False when the cell was there. Within a transaction.
bool insert_cell(Database& database,
                 const Run& run,
                 const Cell& cell,
                 std::span<const Measurement> measurements) {
  if (is_there(database, cell)) return false;
  check(database, cell, measurements);
  Statement insert(database,
                   "INSERT INTO cell(suite_hash, model_hash, data_hash, task, case_id, "
                   "composition, budget, question_aware, seed, suite, arm, plugins, run) "
                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
  add_key(insert, cell);
  insert.add(cell.suite).add(cell.arm).add(cell.plugins).add(run_row(database, run));
  insert.step();
  const int64_t id = database.last_row();
  Statement row(database,
                "INSERT INTO measurement(cell, metric, unit, value, better, extra) "
                "VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
  for (const auto& m : measurements) {
    row.add(id).add(m.metric).add(m.unit).add(m.value).add(better_name(m.better)).add(m.extra);
    row.step();
    row.reset();
  }
  return true;
}

// Of a schema without libraries, `plugins` is ''.
std::string select(const std::string& plugins) {
  return "SELECT cell.id, run.id, model, code_version, cpu, threads, dtype, begun, host, source, "
         "suite_hash, model_hash, data_hash, task, case_id, composition, budget, question_aware, "
         "seed, suite, arm, " +
         plugins +
         ", metric, unit, value, better, extra "
         "FROM cell JOIN run ON run.id = cell.run "
         "LEFT JOIN measurement ON measurement.cell = cell.id AND (?1 = '' OR metric = ?1) "
         "WHERE (?2 = '' OR suite = ?2 OR substr(suite_hash, 1, length(?2)) = ?2) "
         "AND (?3 = '' OR model = ?3) AND (?4 = '' OR task = ?4) "
         "ORDER BY suite, suite_hash, model, model_hash, data_hash, task, question_aware, arm, "
         "composition, budget, case_id, seed, metric";
}

Run read_run(const Statement& row) {
  return {row.text(2),
          row.text(3),
          row.text(4),
          row.integer(5),
          row.text(6),
          row.text(7),
          row.text(8),
          row.text(9)};
}

Cell read_cell(const Statement& row) {
  Cell cell;
  cell.suite_hash = row.text(10);
  cell.model_hash = row.text(11);
  cell.data_hash = row.text(12);
  cell.task = row.text(13);
  cell.case_id = row.text(14);
  cell.composition = row.text(15);
  cell.budget = row.real(16);
  cell.question_aware = row.integer(17) != 0;
  cell.seed = row.integer(18);
  cell.suite = row.text(19);
  cell.arm = row.text(20);
  cell.plugins = row.text(21);
  return cell;
}

std::vector<DoneCell> read_cells(Statement& row) {
  std::vector<DoneCell> cells;
  std::map<int64_t, std::shared_ptr<const Run>> runs;
  int64_t last = -1;
  while (row.step()) {
    if (row.integer(0) != last) {
      last = row.integer(0);
      auto& run = runs[row.integer(1)];
      if (!run) run = std::make_shared<const Run>(read_run(row));
      cells.push_back({run, read_cell(row), {}});
    }
    if (row.text(22).empty()) continue;  // a cell in which nothing was measured
    cells.back().measurements.push_back(
        {row.text(22), row.text(23), row.real(24), better_of(row.text(25)), row.text(26)});
  }
  return cells;
}

const fs::path& existing(const fs::path& file, Access access) {
  std::error_code error;
  if (fs::is_directory(file, error))
    bad_request(file.string(), "is a folder; expected a file of results");
  if (access == Access::Read && !fs::exists(file, error))
    bad_request(file.string(),
                "no such file; expected results that kvhost eval or kvhost results wrote");
  return file;
}

}  // namespace

struct Store::State {
  State(const fs::path& file, Access access, const Waiting& waiting)
      : database(existing(file, access), access == Access::Write, waiting) {
    try {
      has_plugins = check_schema(database, access == Access::Write) >= 2;
    } catch (...) {
      database.remove_if_empty();
      throw;
    }
    if (access == Access::Read) database.run("PRAGMA query_only = 1");
    database.run("PRAGMA foreign_keys = 1");
  }
  Database database;
  bool has_plugins = true;
  std::mutex mutex;
};

Store::Store(const fs::path& file, Access access, const Waiting& waiting)
    : state_(std::make_unique<State>(file, access, waiting)) {}

Store::~Store() = default;

bool Store::has(const CellKey& key) const {
  const std::lock_guard lock(state_->mutex);
  return is_there(state_->database, key);
}

bool Store::add(const Run& run, const Cell& cell, std::span<const Measurement> measurements) {
  const std::lock_guard lock(state_->mutex);
  Database& database = state_->database;
  Transaction transaction(database);
  if (!insert_cell(database, run, cell, measurements)) return false;
  transaction.commit();
  return true;
}

int64_t Store::add_all(std::span<const DoneCell> cells) {
  const std::lock_guard lock(state_->mutex);
  Database& database = state_->database;
  Transaction transaction(database);
  int64_t n_new = 0;
  for (const auto& done : cells)
    n_new += insert_cell(database, *done.run, done.cell, done.measurements);
  transaction.commit();
  return n_new;
}

std::vector<DoneCell> Store::cells(const Filter& filter) const {
  const std::lock_guard lock(state_->mutex);
  Statement rows(state_->database, select(state_->has_plugins ? "plugins" : "''"));
  rows.add(filter.metric).add(filter.suite).add(filter.model).add(filter.task);
  return read_cells(rows);
}

}  // namespace kvhost::results
