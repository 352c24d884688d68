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
using registry::Value;

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
             : Value(value).literal();
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

  Value check() const {
    const Value& value = given_.value;
    const bool words = param_.type == KVH_PARAM_STRING || param_.type == KVH_PARAM_CHOICE ||
                       param_.type == KVH_PARAM_FILE;
    if (value.is_null() && words &&
        !(param_.flags & KVH_PARAM_OPTIONAL))  // `none` may be a word of its own
      return param_.type == KVH_PARAM_CHOICE ? check_choice("none") : "none";
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
        return check_list<int64_t>(value);
      case KVH_PARAM_FLOAT_LIST:
        return check_list<double>(value);
      case KVH_PARAM_CHOICE:
        return check_choice(value);
      default:
        return word_of(value);
    }
  }

 private:
  // `pattern=3` names a file called 3.
  static std::string word_of(const Value& value) {
    const auto* word = value.if_is<std::string>();
    return word ? *word : value.literal();
  }

  bool check_bool(const Value& value) const {
    if (const auto* flag = value.if_is<bool>()) return *flag;
    const auto* integer = value.if_is<int64_t>();
    if (!integer || (*integer != 0 && *integer != 1)) refuse(value);
    return *integer == 1;
  }

  int64_t check_int(const Value& value) const {
    const auto* integer = value.if_is<int64_t>();
    if (!integer || ((param_.flags & KVH_PARAM_ODD) && *integer % 2 == 0)) refuse(value);
    check_range(static_cast<double>(*integer), value);
    return *integer;
  }

  double check_float(const Value& value) const {
    const auto* integer = value.if_is<int64_t>();
    const auto* real = value.if_is<double>();
    if (!integer && !real) refuse(value);
    const double number = real ? *real : static_cast<double>(*integer);
    check_range(number, value);
    return number;
  }

  template <class Number>
  std::vector<Number> check_list(const Value& value) const {
    std::vector<Number> checked;
    const auto check_elements = [&](const auto& elements) {
      for (const auto element : elements) {
        if constexpr (std::is_same_v<Number, int64_t>)
          checked.push_back(check_int(element));
        else
          checked.push_back(check_float(element));
      }
    };
    if (const auto* integers = value.if_is<std::vector<int64_t>>())
      check_elements(*integers);
    else if (const auto* reals = value.if_is<std::vector<double>>())
      check_elements(*reals);
    else
      refuse(value);
    return checked;
  }

  std::string check_choice(const Value& value) const {
    const std::string word = word_of(value);
    for (const auto& choice : param_.choices)
      if (choice == word) return word;
    bad_request(given_.where,
                "found " + value.literal() + " for " + param_.name + "; expected " +
                    type_in_words(param_) + did_you_mean(word, param_.choices));
  }

  void check_range(double x, const Value& found) const {
    const bool low = (param_.flags & KVH_PARAM_HAS_MIN) &&
                     (param_.flags & KVH_PARAM_EXCLUSIVE_MIN ? x <= param_.min : x < param_.min);
    const bool high = (param_.flags & KVH_PARAM_HAS_MAX) &&
                      (param_.flags & KVH_PARAM_EXCLUSIVE_MAX ? x >= param_.max : x > param_.max);
    if (low || high || !std::isfinite(x)) refuse(found);
  }

  [[noreturn]] void refuse(const Value& found) const {
    bad_request(given_.where,
                "found " + found.literal() + " for " + param_.name + "; expected " +
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

std::vector<Value> resolve_parameters(const Spec& spec, const registry::MethodInfo& method) {
  std::vector<Value> values;
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
