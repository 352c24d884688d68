// SPDX-License-Identifier: Apache-2.0
// A strict reader of JSON objects: every key has a handler, any other key is refused with the
// nearest one.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace kvhost {

// A value and where it stands: "run.json /generate/seed".
struct JsonAt {
  const nlohmann::json& value;
  std::string file, pointer;

  std::string where() const { return file + " " + (pointer.empty() ? "/" : pointer); }
  // Throws Error(BadRequest): what was found; `expected`.
  [[noreturn]] void refuse(const std::string& expected) const;

  std::string text() const;
  bool flag() const;
  std::string choice(const std::vector<std::string>& choices) const;
  std::vector<std::string> texts() const;  // a string, or an array of strings
  int64_t whole(int64_t least, int64_t most = INT64_MAX) const;
  double number(double least, double most) const;
  std::vector<JsonAt> elements() const;  // of an array that is not empty
};

using JsonHandlers = std::vector<std::pair<std::string, std::function<void(const JsonAt&)>>>;

// Calls the handler of every key of an object, in the order of the file.
void read_object(const JsonAt& at, const JsonHandlers& handlers);

}  // namespace kvhost
