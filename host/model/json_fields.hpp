// SPDX-License-Identifier: Apache-2.0
// Typed fields of a JSON object read from a file. Every refusal names the file, the key, what was
// found and what was expected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace kvhost {

// What keys are called in the file itself, where the object was translated from one with other
// words: messages have to name what the reader can find.
using KeyNames = std::map<std::string, std::string>;

class JsonFields {
 public:
  // `prefix` is what stands before keys in messages ("rope_scaling."); `names` are of keys with
  // their prefix. The object must outlive this.
  JsonFields(std::filesystem::path file,
             const nlohmann::json& object,
             std::string prefix = "",
             std::shared_ptr<const KeyNames> names = nullptr);

  bool has(const std::string& key) const;       // present and not null
  bool has_null(const std::string& key) const;  // present as null
  bool empty() const;

  int64_t integer(const std::string& key, int64_t lowest, int64_t highest) const;
  int64_t integer_or(const std::string& key,
                     int64_t lowest,
                     int64_t highest,
                     int64_t fallback) const;
  double positive(const std::string& key) const;
  double positive_or(const std::string& key, double fallback) const;
  double number_or(const std::string& key, double fallback) const;  // finite
  bool flag_or(const std::string& key, bool fallback) const;
  std::string text_or(const std::string& key, const std::string& fallback) const;
  std::vector<std::string> texts(const std::string& key) const;
  std::vector<int64_t> integers(const std::string& key, int64_t lowest, int64_t highest) const;
  std::vector<double> positives(const std::string& key) const;
  // a number, a list of numbers, or absent
  std::vector<int64_t> integers(const std::string& key, const std::string& expected) const;
  std::vector<int64_t> token_ids(const std::string& key) const {
    return integers(key, "a token id or a list of token ids");
  }
  std::optional<JsonFields> object(const std::string& key) const;

  // "FILE: 'key' is FOUND; expected EXPECTED".
  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const;

 private:
  const nlohmann::json& at(const std::string& key, const std::string& expected) const;
  std::string name_of(const std::string& key) const;

  std::filesystem::path file_;
  const nlohmann::json* object_;
  std::string prefix_;
  std::shared_ptr<const KeyNames> names_;
};

}  // namespace kvhost
