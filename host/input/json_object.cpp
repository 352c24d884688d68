// SPDX-License-Identifier: Apache-2.0
#include "input/json_object.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "input/limits.hpp"

namespace kvhost {

void JsonAt::refuse(const std::string& expected) const {
  bad_request(where(), "found " + quoted(json_text(value)) + "; expected " + expected);
}

std::string JsonAt::text() const {
  if (!value.is_string()) refuse("a string");
  return value.get<std::string>();
}

bool JsonAt::flag() const {
  if (!value.is_boolean()) refuse("true or false");
  return value.get<bool>();
}

std::string JsonAt::choice(const std::vector<std::string>& choices) const {
  const std::string found = text();
  if (std::find(choices.begin(), choices.end(), found) == choices.end())
    refuse(join(choices, ", ") + did_you_mean(found, choices));
  return found;
}

std::vector<std::string> JsonAt::texts() const {
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array()) refuse("a string or an array of strings");
  std::vector<std::string> out;
  for (size_t i = 0; i < value.size(); ++i)
    out.push_back(JsonAt{value[i], file, pointer + "/" + std::to_string(i)}.text());
  return out;
}

int64_t JsonAt::whole(int64_t least, int64_t most) const {
  const bool fits = value.is_number_integer() && value >= least && value <= most;
  if (!fits)
    refuse("a whole number" + (most == INT64_MAX ? " from " + std::to_string(least) + " on"
                                                 : " in [" + std::to_string(least) + ", " +
                                                       std::to_string(most) + "]"));
  return value.get<int64_t>();
}

double JsonAt::number(double least, double most) const {
  const bool fits = value.is_number() && value >= least && value <= most;
  if (!fits) {
    std::ostringstream range;
    range << "a number in [" << least << ", " << most << "]";
    refuse(range.str());
  }
  return value.get<double>();
}

std::vector<JsonAt> JsonAt::elements() const {
  if (!value.is_array() || value.empty()) refuse("an array that is not empty");
  std::vector<JsonAt> out;
  for (size_t i = 0; i < value.size(); ++i)
    out.push_back({value[i], file, pointer + "/" + std::to_string(i)});
  return out;
}

void read_object(const JsonAt& at, const JsonHandlers& handlers) {
  if (!at.value.is_object()) at.refuse("an object");
  std::vector<std::string> known;
  for (const auto& [key, ignored] : handlers) known.push_back(key);
  for (const auto& [key, value] : at.value.items()) {
    const JsonAt child{value, at.file, at.pointer + "/" + key};
    const auto handler = std::find_if(
        handlers.begin(), handlers.end(), [&key = key](const auto& h) { return h.first == key; });
    if (handler == handlers.end())
      bad_request(child.where(),
                  "unknown key " + quoted(key) + "; expected " + join(known, ", ") +
                      did_you_mean(key, known));
    handler->second(child);
  }
}

}  // namespace kvhost
