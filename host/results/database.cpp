// SPDX-License-Identifier: Apache-2.0
#include "results/database.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/error.hpp"

namespace kvhost::results {

namespace {

constexpr int kWaitMs = 20;

std::string seconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g s", value);
  return text;
}

// By the time SQLite has undone the transaction, the system's own words are gone.
std::string io_failure(int code) {
  switch (code) {
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_TRUNCATE:
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
      return "cannot be written: found a limit on file sizes, a quota or a failing disk";
    default:
      return std::string("cannot be read or written: ") + sqlite3_errstr(code);
  }
}

// What the system said. SQLite asks for a new file a second time, to read it, and tells that it is
// not there; that nothing may be made in the folder comes first.
int open_error(sqlite3* handle, const std::filesystem::path& file) {
  const int said = sqlite3_system_errno(handle);
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  return said == ENOENT && access(folder.c_str(), W_OK) != 0 ? errno : said;
}

bool file_exists(const std::filesystem::path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

}  // namespace

Database::Database(std::filesystem::path file, bool make, Waiting waiting)
    : file_(std::move(file)), is_new_(make && !file_exists(file_)), waiting_(std::move(waiting)) {
  // Readers open for writing too, where they may: what a killed writer left in the journal has to
  // be undone before anything can be read.
  const int flags = SQLITE_OPEN_READWRITE | (make ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(file_.c_str(), &handle_, flags, nullptr);
  if (code != SQLITE_OK) {
    try {
      fail(handle_ ? sqlite3_extended_errcode(handle_) : SQLITE_NOMEM);
    } catch (...) {
      sqlite3_close(handle_);
      throw;
    }
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_handler(handle_, &Database::wait_once, this);
}

Database::~Database() { sqlite3_close(handle_); }

void Database::remove_if_empty() const {
  std::error_code ignored;
  if (is_new_ && std::filesystem::file_size(file_, ignored) == 0)
    std::filesystem::remove(file_, ignored);
}

int Database::wait_once(void* self, int n_before) {
  const Waiting& waiting = static_cast<Database*>(self)->waiting_;
  if (waiting.context.is_cancelled() || n_before * kWaitMs >= 1000 * waiting.for_seconds) return 0;
  std::this_thread::sleep_for(std::chrono::milliseconds(kWaitMs));
  return 1;
}

void Database::fail(int code) const {
  waiting_.context.check();  // whoever was told to stop while it waited says so
  const std::string intact = "; what was written before is intact";
  const int error = handle_ && (code & 0xff) == SQLITE_CANTOPEN ? open_error(handle_, file_) : 0;
  const std::string why = error ? std::string(" (") + std::strerror(error) + ")" : "";
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      run_failed(name(),
                 "another program has been writing to it for " + seconds(waiting_.for_seconds) +
                     "; expected it to be free; wait for the other to end, or give each a "
                     "database of its own and join them with kvhost results merge");
    case SQLITE_FULL:
      run_failed(name(), "cannot be written: the disk is full" + intact + "; make room and go on");
    case SQLITE_IOERR:
      run_failed(name(), io_failure(code) + intact + "; try another disk");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      run_failed(name(),
                 "cannot be written" + why +
                     "; expected a file in a folder that this user may write to (SQLite keeps a "
                     "journal beside it); copy it elsewhere or name another one");
    case SQLITE_NOTADB:
      cannot_load(name(), "is no SQLite file; expected results that kvhost wrote; name another");
    case SQLITE_CORRUPT:
      cannot_load(name(),
                  "is damaged (" + std::string(sqlite3_errmsg(handle_)) +
                      "); expected an intact SQLite file; `sqlite3 FILE .recover` saves what can "
                      "be read");
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    default:
      run_failed(name(), handle_ ? sqlite3_errmsg(handle_) : sqlite3_errstr(code));
  }
}

void Database::run(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    fail(sqlite3_extended_errcode(handle_));
}

int64_t Database::number(const std::string& sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

int64_t Database::last_row() const { return sqlite3_last_insert_rowid(handle_); }

Statement::Statement(Database& database, const std::string& sql) : database_(database) {
  const int code = sqlite3_prepare_v2(
      database.handle_, sql.c_str(), static_cast<int>(sql.size()), &handle_, nullptr);
  if (code != SQLITE_OK) database.fail(code);
}

Statement::~Statement() { sqlite3_finalize(handle_); }

Statement& Statement::add(const std::string& value) {
  const int code = sqlite3_bind_text(
      handle_, ++n_values_, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

Statement& Statement::add(int64_t value) {
  const int code = sqlite3_bind_int64(handle_, ++n_values_, value);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

Statement& Statement::add(double value) {
  const int code = sqlite3_bind_double(handle_, ++n_values_, value);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_.fail(code);
  return code == SQLITE_ROW;
}

void Statement::reset() {
  sqlite3_reset(handle_);
  n_values_ = 0;
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return bytes ? std::string(bytes, sqlite3_column_bytes(handle_, column)) : std::string();
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }
double Statement::real(int column) const { return sqlite3_column_double(handle_, column); }

Transaction::Transaction(Database& database) : database_(database) {
  database_.run("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (...) {  // SQLite has rolled back by itself, or will when the file is opened next
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace kvhost::results
