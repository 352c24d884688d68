// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <regex>
#include <set>

#include "validate.hpp"
#include "words.hpp"

namespace kvhost::registry {
namespace {

bool is_integer(uint32_t type) { return type == KVH_PARAM_INT || type == KVH_PARAM_INT_LIST; }
bool is_number(uint32_t type) {
  return is_integer(type) || type == KVH_PARAM_FLOAT || type == KVH_PARAM_FLOAT_LIST;
}

std::string bound(double value) {
  char text[32];
  snprintf(text, sizeof text, "%g", value);
  return text;
}

void validate_range(const kvh_param& param, const std::string& where) {
  const bool has_min = param.flags & KVH_PARAM_HAS_MIN;
  const bool has_max = param.flags & KVH_PARAM_HAS_MAX;
  if ((has_min || has_max) && !is_number(param.type)) refuse(where, "has a range but is no number");
  if ((has_min && !std::isfinite(param.min)) || (has_max && !std::isfinite(param.max))) {
    refuse(where, "its range is not finite; leave KVH_PARAM_HAS_MIN or _MAX out instead");
  }
  if (has_min && has_max && param.min > param.max) {
    refuse(where, "min " + bound(param.min) + " is above max " + bound(param.max));
  }
  if ((param.flags & KVH_PARAM_EXCLUSIVE_MIN) && !has_min)
    refuse(where, "EXCLUSIVE_MIN without HAS_MIN");
  if ((param.flags & KVH_PARAM_EXCLUSIVE_MAX) && !has_max)
    refuse(where, "EXCLUSIVE_MAX without HAS_MAX");
  if ((param.flags & KVH_PARAM_ODD) && !is_integer(param.type))
    refuse(where, "is to be odd but is no integer");
}

void validate_default_number(const kvh_param& param, double value, const std::string& where) {
  if (!std::isfinite(value)) refuse(where, "its default is not finite");
  const bool low =
      (param.flags & KVH_PARAM_HAS_MIN) &&
      (value < param.min || ((param.flags & KVH_PARAM_EXCLUSIVE_MIN) && value == param.min));
  const bool high =
      (param.flags & KVH_PARAM_HAS_MAX) &&
      (value > param.max || ((param.flags & KVH_PARAM_EXCLUSIVE_MAX) && value == param.max));
  if (low || high) {
    refuse(where, "its default " + bound(value) + " is outside its own range");
  }
  if ((param.flags & KVH_PARAM_ODD) && std::fmod(value, 2.0) == 0) {
    refuse(where,
           "its default " + bound(value) + " is even; it says that only odd values are valid");
  }
}

void validate_default_text(const kvh_param& param, const std::string& where) {
  if (!param.def.v.s) refuse(where, "its default is NULL; expected text");
  validate_text(param.def.v.s, where, "its default");
  if (param.type != KVH_PARAM_CHOICE) return;
  for (const char* const* choice = param.choices; *choice; ++choice) {
    if (std::string(*choice) == param.def.v.s) return;
  }
  refuse(where, std::string("its default '") + param.def.v.s + "' is none of its choices");
}

void validate_default(const kvh_param& param, const std::string& where) {
  const kvh_value& def = param.def;
  if (!def.present) return;
  if (def.type != param.type) refuse(where, "its default has another type than the parameter");
  switch (param.type) {
    case KVH_PARAM_BOOL:
      if (def.v.i != 0 && def.v.i != 1) refuse(where, "its default is neither 0 nor 1");
      return;
    case KVH_PARAM_INT:
      return validate_default_number(param, static_cast<double>(def.v.i), where);
    case KVH_PARAM_FLOAT:
      return validate_default_number(param, def.v.d, where);
    case KVH_PARAM_INT_LIST:
    case KVH_PARAM_FLOAT_LIST:
      if (def.count < 0 || (def.count > 0 && !def.v.ints))
        refuse(where, "its default list is NULL");
      for (int64_t i = 0; i < def.count; ++i) {
        const bool integer = param.type == KVH_PARAM_INT_LIST;
        validate_default_number(
            param, integer ? static_cast<double>(def.v.ints[i]) : def.v.doubles[i], where);
      }
      return;
    default:
      return validate_default_text(param, where);
  }
}

void validate_choices(const kvh_param& param, const std::string& where) {
  if (param.type != KVH_PARAM_CHOICE) {
    if (param.choices) refuse(where, "has choices but is no choice");
    return;
  }
  if (!param.choices || !*param.choices) refuse(where, "is a choice without choices");
  std::set<std::string> seen;
  for (const char* const* choice = param.choices; *choice; ++choice) {
    validate_text(*choice, where, "a choice");
    if (!seen.insert(*choice).second)
      refuse(where, std::string("choice '") + *choice + "' is given twice");
  }
}

void validate_param(const kvh_param& param, const std::string& where) {
  validate_text(param.doc, where, "doc");
  validate_text(param.unit, where, "unit");
  if (!word_of(param_type_words(), param.type)) {
    refuse(where, "type is " + std::to_string(param.type) + ", which this kvhost does not know");
  }
  if (param.flags & ~known_bits(param_flag_words()) & KVH_MUST_UNDERSTAND)
    refuse(where, "flags hold unknown bits; expected a newer kvhost");
  validate_reserved(param.reserved, where);
  validate_range(param, where);
  validate_choices(param, where);
  validate_default(param, where);
}

}  // namespace

void validate_params(const kvh_method& method, const std::string& where) {
  if (method.n_params > 0 && !method.params) {
    refuse(where, "params is NULL; expected " + std::to_string(method.n_params) + " parameters");
  }
  static const std::regex pattern("[A-Za-z][A-Za-z0-9_]*");
  std::set<std::string> seen;
  for (uint32_t i = 0; i < method.n_params; ++i) {
    const std::string at = where + ", parameter " + std::to_string(i);
    const kvh_param* param = method.params[i];
    if (!param) refuse(at, "is NULL");
    validate_size(param->struct_size, KVH_PARAM_SIZE_1_0, at, "kvh_param");
    validate_text(param->name, at, "name");
    if (!param->name) refuse(at, "name is NULL; expected [A-Za-z][A-Za-z0-9_]*");
    if (!std::regex_match(param->name, pattern)) {
      refuse(at, std::string("name is '") + param->name + "'; expected [A-Za-z][A-Za-z0-9_]*");
    }
    if (!seen.insert(param->name).second) {
      refuse(where, std::string("has two parameters named '") + param->name + "'");
    }
    validate_param(*param, where + ", parameter '" + param->name + "'");
  }
}

}  // namespace kvhost::registry
