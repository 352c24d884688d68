// SPDX-License-Identifier: Apache-2.0
#include "tasks/rows.hpp"

#include <sstream>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "tasks/python_text.hpp"

namespace kvhost::tasks {

using nlohmann::json;

namespace {

Row row_of(json value, const std::string& where) {
  if (!value.is_object())
    cannot_load(where, std::string("is a JSON ") + value.type_name() + "; expected an object");
  return {std::move(value), where};
}

}  // namespace

const json& Row::at(const std::string& member) const {
  if (!has(member)) refuse("has no '" + member + "'; expected one");
  return value_[member];
}

bool Row::has(const std::string& member) const {
  return value_.contains(member) && !value_[member].is_null();
}

std::string Row::text(const std::string& member) const {
  const json& value = at(member);
  if (!value.is_string())
    refuse("'" + member + "' is a " + value.type_name() + "; expected a string");
  return value.get<std::string>();
}

std::string Row::text_or(const std::string& member, const std::string& otherwise) const {
  return has(member) ? text(member) : otherwise;
}

int64_t Row::integer_or(const std::string& member, int64_t otherwise) const {
  if (!has(member)) return otherwise;
  if (!value_[member].is_number_integer())
    refuse("'" + member + "' is " + value_[member].dump().substr(0, 40) + "; expected an integer");
  return value_[member].get<int64_t>();
}

std::vector<std::string> Row::texts(const std::string& member) const {
  const json& value = at(member);
  std::vector<std::string> out;
  const auto add = [&](const json& one) {
    if (one.is_string())
      out.push_back(one.get<std::string>());
    else if (one.is_number())
      out.push_back(one.dump());
    else
      refuse("'" + member + "' holds a " + one.type_name() + "; expected strings or numbers");
  };
  if (!value.is_array())
    add(value);
  else
    for (const json& one : value) add(one);
  return out;
}

std::vector<Row> Row::rows(const std::string& member) const {
  const json& value = at(member);
  if (!value.is_array())
    refuse("'" + member + "' is a " + value.type_name() + "; expected a list of objects");
  std::vector<Row> out;
  for (size_t i = 0; i < value.size(); ++i)
    out.push_back(row_of(value[i], where_ + " " + member + "[" + std::to_string(i) + "]"));
  return out;
}

void Row::refuse(const std::string& what) const { cannot_load(where_, what); }

std::vector<Row> read_rows(const std::filesystem::path& path, int64_t most) {
  std::istringstream lines(read_file(path, ExitCode::CannotLoad, kMostDataBytes));
  std::vector<Row> out;
  int64_t number = 0;
  for (std::string line; static_cast<int64_t>(out.size()) < most && std::getline(lines, line);) {
    const std::string where = path.string() + ":" + std::to_string(++number);
    if (!strip(line).empty())
      out.push_back(row_of(parse_json(line, where, ExitCode::CannotLoad), where));
  }
  if (out.empty() && most > 0) cannot_load(path.string(), "holds no rows; expected JSON lines");
  return out;
}

Row read_row(const std::filesystem::path& path) {
  return row_of(read_json(path, ExitCode::CannotLoad), path.string());
}

}  // namespace kvhost::tasks
