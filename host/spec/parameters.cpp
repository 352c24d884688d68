// SPDX-License-Identifier: Apache-2.0
#include "spec/parameters.hpp"

#include <cmath>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kvhost/params.h"

namespace kvhost {
namespace {

using registry::ParamInfo;

std::string type_in_words(const ParamInfo& param) {
  switch (param.type) {
    case KVH_PARAM_BOOL:
      return "true or false";
    case KVH_PARAM_INT:
      return param.flags & KVH_PARAM_ODD ? "an odd integer" : "an integer";
    case KVH_PARAM_FLOAT:
      return "a number";
    case KVH_PARAM_CHOICE:
      return "one of " + join(param.choices, ", ");
    case KVH_PARAM_FILE:
      return "a file name";
    case KVH_PARAM_INT_LIST:
      return "a list of integers";
    case KVH_PARAM_FLOAT_LIST:
      return "a list of numbers";
    default:
      return "a text";
  }
}

std::string number(double value) {
  return value == std::floor(value) && std::abs(value) < 1e15
             ? std::to_string(static_cast<int64_t>(value))
             : nlohmann::json(value).dump();
}

std::string range_in_words(const ParamInfo& param) {
  std::string words;
  if (param.flags & KVH_PARAM_HAS_MIN)
    words += (param.flags & KVH_PARAM_EXCLUSIVE_MIN ? " > " : " >= ") + number(param.min);
  if (param.flags & KVH_PARAM_HAS_MAX)
    words += (words.empty() ? "" : " and") +
             std::string(param.flags & KVH_PARAM_EXCLUSIVE_MAX ? " < " : " <= ") +
             number(param.max);
  return words;
}

class Checker {
 public:
  Checker(const ParamInfo& param, const SpecParam& given) : param_(param), given_(given) {}

  nlohmann::json check() const {
    const auto& value = given_.value;
    const bool words = param_.type == KVH_PARAM_STRING || param_.type == KVH_PARAM_CHOICE ||
                       param_.type == KVH_PARAM_FILE;
    if (value.is_null() && words &&
        !(param_.flags & KVH_PARAM_OPTIONAL))  // `none` may be a word of its own
      return param_.type == KVH_PARAM_CHOICE ? check_choice("none") : nlohmann::json("none");
    if (value.is_null()) {
      if (!(param_.flags & KVH_PARAM_OPTIONAL)) refuse(value);
      return value;
    }
    switch (param_.type) {
      case KVH_PARAM_BOOL:
        return check_bool(value);
      case KVH_PARAM_INT:
        return check_int(value);
      case KVH_PARAM_FLOAT:
        return check_float(value);
      case KVH_PARAM_INT_LIST:
      case KVH_PARAM_FLOAT_LIST:
        return check_list(value);
      case KVH_PARAM_CHOICE:
        return check_choice(value);
      default:
        return value.is_string() ? value : nlohmann::json(value.dump());
    }
  }

 private:
  nlohmann::json check_bool(const nlohmann::json& value) const {
    if (value.is_boolean()) return value;
    if (value.is_number_integer() && (value == 0 || value == 1)) return value == 1;
    refuse(value);
  }

  nlohmann::json check_int(const nlohmann::json& value) const {
    if (!value.is_number_integer()) refuse(value);
    const auto integer = value.get<int64_t>();
    if ((param_.flags & KVH_PARAM_ODD) && integer % 2 == 0) refuse(value);
    check_range(static_cast<double>(integer), value);
    return integer;
  }

  nlohmann::json check_float(const nlohmann::json& value) const {
    if (!value.is_number()) refuse(value);
    check_range(value.get<double>(), value);
    return value.get<double>();
  }

  nlohmann::json check_list(const nlohmann::json& value) const {
    if (!value.is_array()) refuse(value);
    nlohmann::json checked = nlohmann::json::array();
    for (const auto& element : value)
      checked.push_back(param_.type == KVH_PARAM_INT_LIST ? check_int(element)
                                                          : check_float(element));
    return checked;
  }

  nlohmann::json check_choice(const nlohmann::json& value) const {
    const std::string word = value.is_string() ? value.get<std::string>() : value.dump();
    for (const auto& choice : param_.choices)
      if (choice == word) return word;
    bad_request(given_.where,
                "found " + value.dump() + " for " + param_.name + "; expected " +
                    type_in_words(param_) + did_you_mean(word, param_.choices));
  }

  void check_range(double x, const nlohmann::json& found) const {
    const bool low = (param_.flags & KVH_PARAM_HAS_MIN) &&
                     (param_.flags & KVH_PARAM_EXCLUSIVE_MIN ? x <= param_.min : x < param_.min);
    const bool high = (param_.flags & KVH_PARAM_HAS_MAX) &&
                      (param_.flags & KVH_PARAM_EXCLUSIVE_MAX ? x >= param_.max : x > param_.max);
    if (low || high || !std::isfinite(x)) refuse(found);
  }

  [[noreturn]] void refuse(const nlohmann::json& found) const {
    bad_request(given_.where,
                "found " + found.dump() + " for " + param_.name + "; expected " +
                    type_in_words(param_) + range_in_words(param_));
  }

  const ParamInfo& param_;
  const SpecParam& given_;
};

std::optional<size_t> index_of(const registry::MethodInfo& method, const std::string& name) {
  for (size_t i = 0; i < method.params.size(); ++i)
    if (method.params[i].name == name) return i;
  return std::nullopt;
}

[[noreturn]] void refuse_unknown(const SpecParam& given, const registry::MethodInfo& method) {
  std::vector<std::string> names;
  for (const auto& param : method.params) names.push_back(param.name);
  bad_request(given.where,
              method.name + " has no parameter '" + given.name + "'; expected " +
                  (names.empty() ? "none" : "one of " + join(names, ", ")) +
                  did_you_mean(given.name, names));
}

}  // namespace

std::vector<nlohmann::json> resolve_parameters(const Spec& spec,
                                               const registry::MethodInfo& method) {
  std::vector<nlohmann::json> values;
  for (const auto& param : method.params) values.push_back(param.def);
  std::vector<bool> seen(values.size(), false);
  for (const auto& given : spec.params) {
    const auto index = index_of(method, given.name);
    if (!index) refuse_unknown(given, method);
    if (seen[*index])
      bad_request(given.where, "found '" + given.name + "' twice; expected it once");
    seen[*index] = true;
    values[*index] = Checker(method.params[*index], given).check();
  }
  return values;
}

}  // namespace kvhost
