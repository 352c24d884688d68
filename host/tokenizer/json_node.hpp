// SPDX-License-Identifier: Apache-2.0
// A place in a tokenizer file: the value there, and the JSON pointer to it for messages.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace kvhost::tok {

// No vocabulary has as many; what counts on from a file's largest id stays within its type.
inline constexpr int64_t kLargestId = (int64_t{1} << 24) - 1;
inline constexpr const char* kTokenIds = "an integer from 0 to 16777215";
// Empty where `value` is no such integer.
std::optional<int32_t> token_id(const nlohmann::json& value);

class JsonNode {
 public:
  // `root` must outlive the node. `file` is what messages call the document.
  JsonNode(const nlohmann::json& root, const std::string& file);

  const nlohmann::json& value() const { return *value_; }
  const std::string& pointer() const { return pointer_; }

  // Throws CannotLoad "FILE#/pointer: what"; `below` names a value under this one.
  [[noreturn]] void fail(const std::string& what, const std::string& below = "") const;
  // For a component whose "type" is not one of `supported`.
  [[noreturn]] void fail_type(const std::vector<std::string>& supported) const;

  JsonNode at(const std::string& key) const;                   // required
  std::optional<JsonNode> find(const std::string& key) const;  // empty when absent or null
  std::vector<JsonNode> items() const;                         // of an array

  std::string as_string() const;
  std::string string_or(const std::string& key, const std::string& otherwise) const;
  bool bool_or(const std::string& key, bool otherwise) const;
  int64_t integer_or(const std::string& key, int64_t otherwise) const;
  const std::string& file() const { return *file_; }
  std::string type() const { return at("type").as_string(); }

 private:
  JsonNode(const nlohmann::json* value,
           std::shared_ptr<const std::string> file,
           std::string pointer);
  [[noreturn]] void fail_kind(const std::string& expected) const;

  const nlohmann::json* value_;
  std::shared_ptr<const std::string> file_;
  std::string pointer_;
};

}  // namespace kvhost::tok
