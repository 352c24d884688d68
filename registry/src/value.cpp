// SPDX-License-Identifier: Apache-2.0
#include "registry/value.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "registry/value_json.hpp"

namespace kvhost::registry {
namespace {

using nlohmann::json;

Value number_of(const json& value) {
  const bool too_large =
      value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (value.is_number_integer() && !too_large) return value.get<int64_t>();
  return value.get<double>();
}

template <class Number>
Value list_of(const json& array) {
  std::vector<Number> numbers;
  for (const json& element : array) numbers.push_back(element.get<Number>());
  return numbers;
}

// Whether a composition may hold `text` without quotes: nothing in it ends a word. (What a bare "12"
// or "none" means hangs on the parameter's type, so that one of text takes it as text.)
bool is_word(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > ' ' && c != 0x7f && std::strchr(",()[]\"'", c) == nullptr;
  });
}

}  // namespace

std::string Value::text() const {
  if (is_null()) return "none";
  const auto* word = if_is<std::string>();
  return word && is_word(*word) ? *word : literal();
}

std::string Value::literal() const {
  return json_of(*this).dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

const char* Value::kind() const {
  static constexpr const char* kinds[] = {
      "null", "boolean", "integer", "number", "text", "list of integers", "list of numbers"};
  static_assert(std::size(kinds) == std::variant_size_v<Data>, "a new type needs a word");
  return kinds[data.index()];
}

json json_of(const Value& value) {
  return std::visit(
      [](const auto& held) -> json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>) {
          return nullptr;
        } else {
          return held;
        }
      },
      value.data);
}

std::optional<Value> value_from(const json& value) {
  if (value.is_null()) return Value();
  if (value.is_boolean()) return Value(value.get<bool>());
  if (value.is_string()) return Value(value.get<std::string>());
  if (value.is_number()) return number_of(value);
  const auto is_integer = [](const json& element) {
    return number_of(element).if_is<int64_t>() != nullptr;
  };
  if (!value.is_array() ||
      !std::all_of(value.begin(), value.end(), [](const json& e) { return e.is_number(); }))
    return std::nullopt;
  return std::all_of(value.begin(), value.end(), is_integer) ? list_of<int64_t>(value)
                                                             : list_of<double>(value);
}

}  // namespace kvhost::registry
