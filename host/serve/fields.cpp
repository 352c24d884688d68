// SPDX-License-Identifier: Apache-2.0
#include "serve/fields.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "serve/refusal.hpp"

namespace kvhost {

std::string kind_of(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return value.empty() ? "an empty list" : "a list";
  if (value.is_string()) return "the text " + quoted(value.get<std::string>());
  return json_text(value);
}

Fields::Fields(const nlohmann::json& object, std::string prefix)
    : object_(object), prefix_(std::move(prefix)) {
  if (!object.is_object()) {
    const std::string where = prefix_.empty() ? "body" : prefix_.substr(0, prefix_.size() - 1);
    refuse_field(where, "found " + kind_of(object) + "; expected an object");
  }
}

const nlohmann::json* Fields::any(const std::string& name) {
  known_.insert(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> Fields::text(const std::string& field) {
  const auto* value = any(field);
  if (!value) return std::nullopt;
  if (!value->is_string())
    refuse_field(name(field), "found " + kind_of(*value) + "; expected a text");
  return value->get<std::string>();
}

std::optional<bool> Fields::flag(const std::string& field) {
  const auto* value = any(field);
  if (!value) return std::nullopt;
  if (!value->is_boolean())
    refuse_field(name(field), "found " + kind_of(*value) + "; expected true or false");
  return value->get<bool>();
}

std::optional<double> Fields::number(const std::string& field, const Limits& limits) {
  const auto* value = any(field);
  if (!value) return std::nullopt;
  if (!value->is_number() || !limits.hold(value->get<double>()))
    refuse_field(name(field),
                 "found " + kind_of(*value) + "; expected a number " + limits.range());
  return value->get<double>();
}

std::optional<int64_t> Fields::whole(const std::string& field, const Limits& limits) {
  const auto* value = any(field);
  if (!value) return std::nullopt;
  const bool fits = value->is_number() && limits.hold(value->get<double>()) &&
                    std::floor(value->get<double>()) == value->get<double>();
  if (!fits)
    refuse_field(name(field),
                 "found " + kind_of(*value) + "; expected a whole number " + limits.range());
  return value->is_number_integer() ? value->get<int64_t>()
                                    : static_cast<int64_t>(value->get<double>());
}

std::vector<std::string> Fields::texts(const std::string& field) {
  const auto* value = any(field);
  if (!value) return {};
  if (value->is_string()) return {value->get<std::string>()};
  std::vector<std::string> out;
  if (!value->is_array())
    refuse_field(name(field), "found " + kind_of(*value) + "; expected a text or a list of texts");
  for (const auto& one : *value) {
    if (!one.is_string())
      refuse_field(name(field), "found " + kind_of(one) + " in it; expected texts");
    out.push_back(one.get<std::string>());
  }
  return out;
}

void Fields::ignore(const std::vector<std::string>& names) {
  known_.insert(names.begin(), names.end());
}

void Fields::only(const std::string& field, const nlohmann::json& value, const std::string& why) {
  const auto* found = any(field);
  if (found && *found != value)
    refuse_field(name(field),
                 "found " + kind_of(*found) + "; expected " + json_text(value) + ": " + why);
}

void Fields::end() const {
  for (const auto& [key, value] : object_.items()) {
    if (known_.contains(key)) continue;
    const std::vector<std::string> names(known_.begin(), known_.end());
    refuse_field(name(printable(key)),
                 "is no field of this request; expected one of " + join(names, ", ") +
                     did_you_mean(key, names));
  }
}

}  // namespace kvhost
