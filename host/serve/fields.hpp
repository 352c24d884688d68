// SPDX-License-Identifier: Apache-2.0
// The fields of a request's JSON, taken one by one: a wrong type or range is refused with name and
// range, and so is, at the end, what nobody asked for: a misspelt field must not pass in silence.
// null counts as not given.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "input/limits.hpp"

namespace kvhost {

class Fields {
 public:
  // `prefix`: what errors put before a field's name, "messages[0]." or "". Refuses what is no
  // object.
  Fields(const nlohmann::json& object, std::string prefix);

  const nlohmann::json* any(const std::string& name);  // null: not given
  std::optional<std::string> text(const std::string& name);
  std::optional<bool> flag(const std::string& name);
  std::optional<double> number(const std::string& name, const Limits& limits);
  std::optional<int64_t> whole(const std::string& name, const Limits& limits);
  // A text or a list of texts.
  std::vector<std::string> texts(const std::string& name);
  // Known, and of no effect here.
  void ignore(const std::vector<std::string>& names);
  // Known, and only this value of it can be had.
  void only(const std::string& name, const nlohmann::json& value, const std::string& why);
  // Refuses the fields that were not asked for.
  void end() const;

  std::string name(const std::string& field) const { return prefix_ + field; }

 private:
  const nlohmann::json& object_;
  std::string prefix_;
  std::set<std::string> known_;
};

// "a number", "the text 'x'": what was found, for messages.
std::string kind_of(const nlohmann::json& value);

}  // namespace kvhost
