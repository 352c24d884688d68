// SPDX-License-Identifier: Apache-2.0
// The value of a parameter, from the manifest that gives its default to the plugin that is
// configured with it.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace kvhost::registry {

struct Value {
  using Data = std::variant<std::monostate,
                            bool,
                            int64_t,
                            double,
                            std::string,
                            std::vector<int64_t>,
                            std::vector<double>>;

  Value() = default;  // null: not given
  Value(bool value) : data(value) {}
  template <
      class Integer,
      std::enable_if_t<std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>, int> = 0>
  Value(Integer value) : data(static_cast<int64_t>(value)) {}
  Value(double value) : data(value) {}
  Value(const char* value) : data(std::string(value)) {}
  Value(std::string value) : data(std::move(value)) {}
  Value(std::vector<int64_t> value) : data(std::move(value)) {}
  Value(std::vector<double> value) : data(std::move(value)) {}

  bool is_null() const { return is<std::monostate>(); }
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(data);
  }
  template <class T>
  const T* if_is() const {  // null when it is of another type
    return std::get_if<T>(&data);
  }
  template <class T>
  const T& as() const {  // of this type, or std::bad_variant_access
    return std::get<T>(data);
  }

  // As a composition writes it: none, true, 3, 0.5, [1,2], word, "two words".
  std::string text() const;
  // As errors quote it and JSON writes it: null, true, 3, 0.5, [1,2], "word".
  std::string literal() const;
  // "null", "boolean", "integer", "number", "text", "list of integers", "list of numbers"
  const char* kind() const;

  bool operator==(const Value&) const = default;

  Data data;
};

}  // namespace kvhost::registry
