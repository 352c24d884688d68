// SPDX-License-Identifier: Apache-2.0
// An open SQLite file, its statements and transactions; each failure one line that names the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/context.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace kvhost::results {

struct Waiting {
  Context context = {};     // cancelled: the waiting ends
  double for_seconds = 30;  // for another program that writes, then an error
};

// Neither copied nor moved; one thread at a time.
class Database {
 public:
  // A file that is absent is made when `make`. Throws Error.
  Database(std::filesystem::path file, bool make, Waiting waiting);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql);  // statements without values
  int64_t number(const std::string& sql);
  int64_t last_row() const;
  std::string name() const { return file_.string(); }
  // Takes away a file that this made and could write nothing to: a disk that was full.
  void remove_if_empty() const;

  // Throws the Error of `code`, one of SQLite's.
  [[noreturn]] void fail(int code) const;

 private:
  friend class Statement;
  static int wait_once(void* self, int n_before);

  std::filesystem::path file_;
  bool is_new_;
  Waiting waiting_;
  sqlite3* handle_ = nullptr;
};

// A statement with values; it may run again after reset().
class Statement {
 public:
  Statement(Database& database, const std::string& sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // The values of ?1, ?2, ... in their order.
  Statement& add(const std::string& value);
  Statement& add(int64_t value);
  Statement& add(double value);
  bool step();  // true: a row is there
  void reset();

  // Columns from 0.
  std::string text(int column) const;
  int64_t integer(int column) const;
  double real(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
  int n_values_ = 0;
};

// Takes the right to write at once, so that two writers wait for each other before they read, not
// after. Undone unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace kvhost::results
