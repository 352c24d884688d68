// SPDX-License-Identifier: Apache-2.0
// Data sets as JSON lines, read with errors that name file, line and member.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kvhost::tasks {

class Row {
 public:
  Row(nlohmann::json value, std::string where)
      : value_(std::move(value)), where_(std::move(where)) {}

  const std::string& where() const { return where_; }  // "data.jsonl:12"
  bool has(const std::string& member) const;           // and it is not null
  std::string text(const std::string& member) const;   // throws Error when it is missing
  std::string text_or(const std::string& member, const std::string& otherwise) const;
  int64_t integer_or(const std::string& member, int64_t otherwise) const;
  // A list of texts or numbers, or one of them, as texts.
  std::vector<std::string> texts(const std::string& member) const;
  std::vector<Row> rows(const std::string& member) const;  // a list of objects
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  const nlohmann::json& at(const std::string& member) const;
  nlohmann::json value_;
  std::string where_;
};

// Every line that is not blank; at most `most` of them. A file without any is an Error.
std::vector<Row> read_rows(const std::filesystem::path& path, int64_t most = INT64_MAX);

// One object in a file.
Row read_row(const std::filesystem::path& path);

}  // namespace kvhost::tasks
