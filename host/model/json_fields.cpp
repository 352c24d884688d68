// SPDX-License-Identifier: Apache-2.0
#include "model/json_fields.hpp"

#include <cmath>
#include <utility>

#include "base/error.hpp"

namespace kvhost {

namespace {

// The value as it stands in the file, cut to a length that fits in a message.
std::string shown(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

std::string range_text(int64_t lowest, int64_t highest) {
  return "an integer from " + std::to_string(lowest) + " to " + std::to_string(highest);
}

}  // namespace

JsonFields::JsonFields(std::filesystem::path file,
                       const nlohmann::json& object,
                       std::string prefix,
                       std::shared_ptr<const KeyNames> names)
    : file_(std::move(file)),
      object_(&object),
      prefix_(std::move(prefix)),
      names_(std::move(names)) {
  if (!object_->is_object()) {
    std::string where = "the file";
    if (!prefix_.empty()) where.assign("'").append(prefix_, 0, prefix_.size() - 1).append("'");
    cannot_load(file_.string(), where + " is " + shown(*object_) + "; expected a JSON object");
  }
}

bool JsonFields::has(const std::string& key) const {
  const auto found = object_->find(key);
  return found != object_->end() && !found->is_null();
}

bool JsonFields::has_null(const std::string& key) const {
  const auto found = object_->find(key);
  return found != object_->end() && found->is_null();
}

bool JsonFields::empty() const { return object_->empty(); }

std::string JsonFields::name_of(const std::string& key) const {
  if (!names_) return prefix_ + key;
  const auto found = names_->find(prefix_ + key);
  return found == names_->end() ? prefix_ + key : found->second;
}

void JsonFields::refuse(const std::string& key, const std::string& expected) const {
  const std::string found = has(key) ? shown(object_->at(key)) : "missing";
  cannot_load(file_.string(), "'" + name_of(key) + "' is " + found + "; expected " + expected);
}

const nlohmann::json& JsonFields::at(const std::string& key, const std::string& expected) const {
  if (!has(key)) refuse(key, expected);
  return object_->at(key);
}

int64_t JsonFields::integer(const std::string& key, int64_t lowest, int64_t highest) const {
  const auto& value = at(key, range_text(lowest, highest));
  if (!value.is_number_integer()) refuse(key, range_text(lowest, highest));
  const bool too_big =
      value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  if (too_big || value.get<int64_t>() < lowest || value.get<int64_t>() > highest)
    refuse(key, range_text(lowest, highest));
  return value.get<int64_t>();
}

int64_t JsonFields::integer_or(const std::string& key,
                               int64_t lowest,
                               int64_t highest,
                               int64_t fallback) const {
  return has(key) ? integer(key, lowest, highest) : fallback;
}

double JsonFields::positive(const std::string& key) const {
  const auto& value = at(key, "a positive number");
  if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>()))
    refuse(key, "a positive number");
  return value.get<double>();
}

double JsonFields::positive_or(const std::string& key, double fallback) const {
  return has(key) ? positive(key) : fallback;
}

double JsonFields::number_or(const std::string& key, double fallback) const {
  if (!has(key)) return fallback;
  const auto& value = object_->at(key);
  if (!value.is_number() || !std::isfinite(value.get<double>())) refuse(key, "a number");
  return value.get<double>();
}

bool JsonFields::flag_or(const std::string& key, bool fallback) const {
  if (!has(key)) return fallback;
  if (!object_->at(key).is_boolean()) refuse(key, "true or false");
  return object_->at(key).get<bool>();
}

std::string JsonFields::text_or(const std::string& key, const std::string& fallback) const {
  if (!has(key)) return fallback;
  if (!object_->at(key).is_string()) refuse(key, "a string");
  return object_->at(key).get<std::string>();
}

std::vector<std::string> JsonFields::texts(const std::string& key) const {
  const auto& value = at(key, "a list of strings");
  std::vector<std::string> out;
  if (!value.is_array()) refuse(key, "a list of strings");
  for (const auto& item : value) {
    if (!item.is_string()) refuse(key, "a list of strings");
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::vector<int64_t> JsonFields::integers(const std::string& key,
                                          int64_t lowest,
                                          int64_t highest) const {
  const std::string expected =
      "a list of integers from " + std::to_string(lowest) + " to " + std::to_string(highest);
  if (!at(key, expected).is_array()) refuse(key, expected);
  const std::vector<int64_t> out = integers(key, expected);
  for (const int64_t item : out)
    if (item < lowest || item > highest) refuse(key, expected);
  return out;
}

std::vector<double> JsonFields::positives(const std::string& key) const {
  const std::string expected = "a list of positive numbers";
  const auto& value = at(key, expected);
  std::vector<double> out;
  if (!value.is_array()) refuse(key, expected);
  for (const auto& item : value) {
    if (!item.is_number() || !(item.get<double>() > 0) || !std::isfinite(item.get<double>()))
      refuse(key, expected);
    out.push_back(item.get<double>());
  }
  return out;
}

std::vector<int64_t> JsonFields::integers(const std::string& key,
                                          const std::string& expected) const {
  if (!has(key)) return {};
  const auto& value = object_->at(key);
  const nlohmann::json list = value.is_array() ? value : nlohmann::json::array({value});
  std::vector<int64_t> out;
  for (const auto& item : list) {
    if (!item.is_number_integer()) refuse(key, expected);
    out.push_back(item.get<int64_t>());
  }
  return out;
}

std::optional<JsonFields> JsonFields::object(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  return JsonFields(file_, object_->at(key), prefix_ + key + ".", names_);
}

}  // namespace kvhost
