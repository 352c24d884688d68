// SPDX-License-Identifier: Apache-2.0
// The JSON form. Every refusal names the JSON pointer of what it found.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "registry/value_json.hpp"
#include "spec/spec.hpp"

namespace kvhost {
namespace {

struct Origin {
  const std::string& file;
  std::string pointer;

  std::string where() const {
    const std::string at = pointer.empty() ? "/" : pointer;
    return file.empty() ? at : file + " " + at;
  }
  Origin operator/(const std::string& key) const { return {file, pointer + "/" + key}; }
};

std::string kind_of(const nlohmann::json& value) { return value.type_name(); }

std::vector<Spec> parse_any(const nlohmann::json& value, const Origin& origin);

void check_keys(const nlohmann::json& object, const Origin& origin) {
  static const std::vector<std::string> known = {"press", "params", "inner"};
  for (const auto& [key, ignored] : object.items()) {
    (void)ignored;
    if (std::find(known.begin(), known.end(), key) == known.end())
      bad_request(
          (origin / key).where(),
          "unknown key '" + key + "'; expected press, params or inner" + did_you_mean(key, known));
  }
}

registry::Value parse_value(const nlohmann::json& value, const Origin& origin) {
  if (const auto found = registry::value_from(value)) return *found;
  for (size_t i = 0; value.is_array() && i < value.size(); ++i)
    if (!value[i].is_number())
      bad_request((origin / std::to_string(i)).where(),
                  "found " + kind_of(value[i]) + "; expected a number");
  bad_request(origin.where(),
              "found " + kind_of(value) +
                  "; expected a number, a text, true, false, null or a list of numbers");
}

Spec parse_object(const nlohmann::json& object, const Origin& origin) {
  check_keys(object, origin);
  if (!object.contains("press"))
    bad_request(origin.where(), "has no key 'press'; expected the name of a method");
  const auto& name = object["press"];
  if (!name.is_string())
    bad_request((origin / "press").where(),
                "found " + kind_of(name) + "; expected the name of a method");
  Spec spec;
  spec.name = name.get<std::string>();
  spec.where = origin.where();
  if (object.contains("params")) {
    const Origin at = origin / "params";
    const auto& params = object["params"];
    if (!params.is_object())
      bad_request(at.where(), "found " + kind_of(params) + "; expected an object");
    for (const auto& [key, value] : params.items())
      spec.params.push_back({key, parse_value(value, at / key), (at / key).where()});
  }
  if (object.contains("inner")) spec.inner = parse_any(object["inner"], origin / "inner");
  return spec;
}

std::vector<Spec> parse_any(const nlohmann::json& value, const Origin& origin) {
  if (value.is_object()) return {parse_object(value, origin)};
  if (!value.is_array() || value.empty())
    bad_request(origin.where(),
                "found " + (value.is_array() ? "an empty array" : kind_of(value)) +
                    "; expected {\"press\": name, ...} or an array of such objects");
  std::vector<Spec> members;
  for (size_t i = 0; i < value.size(); ++i) {
    const Origin at = origin / std::to_string(i);
    if (!value[i].is_object())
      bad_request(at.where(), "found " + kind_of(value[i]) + "; expected an object");
    members.push_back(parse_object(value[i], at));
  }
  return members;
}

}  // namespace

std::vector<Spec> parse_spec_json(const std::string& json,
                                  const std::string& file,
                                  const std::string& origin) {
  const Origin at{file, origin};
  return parse_any(parse_json(json, at.where(), ExitCode::BadRequest), at);
}

}  // namespace kvhost
