// SPDX-License-Identifier: Apache-2.0
#include "results/schema.hpp"

#include <string>

#include "base/error.hpp"

namespace kvhost::results {

namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE run(
  id INTEGER PRIMARY KEY,
  model TEXT NOT NULL, code_version TEXT NOT NULL, cpu TEXT NOT NULL, threads INTEGER NOT NULL,
  dtype TEXT NOT NULL, begun TEXT NOT NULL, host TEXT NOT NULL, source TEXT NOT NULL,
  UNIQUE(model, code_version, cpu, threads, dtype, begun, host, source)) STRICT;
CREATE TABLE cell(
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run(id),
  suite TEXT NOT NULL, suite_hash TEXT NOT NULL, model_hash TEXT NOT NULL, data_hash TEXT NOT NULL,
  task TEXT NOT NULL, case_id TEXT NOT NULL, arm TEXT NOT NULL, composition TEXT NOT NULL,
  budget REAL NOT NULL, question_aware INTEGER NOT NULL CHECK(question_aware IN (0, 1)),
  seed INTEGER NOT NULL,
  plugins TEXT NOT NULL DEFAULT '',
  UNIQUE(suite_hash, model_hash, data_hash, task, case_id, composition, budget, question_aware,
         seed)) STRICT;
CREATE TABLE measurement(
  cell INTEGER NOT NULL REFERENCES cell(id),
  metric TEXT NOT NULL, unit TEXT NOT NULL, value REAL NOT NULL,
  better TEXT NOT NULL CHECK(better IN ('', 'higher', 'lower')),
  extra TEXT NOT NULL,
  PRIMARY KEY(cell, metric)) STRICT, WITHOUT ROWID;
)sql";

constexpr const char* kView = R"sql(
CREATE VIEW result AS
  SELECT suite, suite_hash, task, case_id, arm, composition, budget, question_aware, seed,
         metric, unit, value, better, extra, plugins,
         model, model_hash, data_hash, code_version, cpu, threads, dtype, begun, host, source
  FROM measurement JOIN cell ON cell.id = measurement.cell JOIN run ON run.id = cell.run;
)sql";

void make_tables(Database& database) {
  Transaction transaction(database);
  if (database.number("PRAGMA user_version") != 0) return;  // another program was faster
  database.run(kTables);
  database.run(kView);
  database.run("PRAGMA application_id = " + std::to_string(kApplicationId));
  database.run("PRAGMA user_version = " + std::to_string(kSchemaVersion));
  transaction.commit();
}

// Schema 1 did not say which libraries a composition's methods came from.
void add_plugins(Database& database) {
  Transaction transaction(database);
  if (database.number("PRAGMA user_version") != 1) return;  // another program was faster
  database.run("ALTER TABLE cell ADD COLUMN plugins TEXT NOT NULL DEFAULT ''");
  database.run("DROP VIEW result");
  database.run(kView);
  database.run("PRAGMA user_version = 2");
  transaction.commit();
}

// A damaged page may hold figures that still read as figures.
void check_pages(Database& database) {
  Statement check(database, "PRAGMA quick_check(1)");
  const std::string found = check.step() ? check.text(0) : "";
  if (found == "ok") return;
  cannot_load(database.name(),
              "is damaged (" + found.substr(0, found.find('\n')) +
                  "); expected an intact SQLite file; `sqlite3 FILE .recover` saves what can be "
                  "read");
}

}  // namespace

int64_t check_schema(Database& database, bool write) {
  const bool is_empty = database.number("SELECT count(*) FROM sqlite_schema") == 0;
  if (is_empty && write) make_tables(database);
  if (is_empty && !write)
    bad_request(database.name(), "holds nothing; expected results that kvhost eval wrote");
  if (database.number("PRAGMA application_id") != kApplicationId)
    cannot_load(database.name(),
                "is an SQLite file of another program; expected results that kvhost wrote; name "
                "another file");
  const int64_t version = database.number("PRAGMA user_version");
  if (version < 1 || version > kSchemaVersion)
    cannot_load(database.name(),
                "has schema " + std::to_string(version) + "; expected 1 to " +
                    std::to_string(kSchemaVersion) +
                    "; read it with the kvhost that wrote it, or a newer one");
  check_pages(database);
  if (!write || version == kSchemaVersion) return version;
  add_plugins(database);
  return kSchemaVersion;
}

}  // namespace kvhost::results
