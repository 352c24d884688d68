// SPDX-License-Identifier: Apache-2.0
// What a GGUF file says of its model: names and typed values, views of the mapped file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "format/mapped_file.hpp"

namespace kvhost {

enum class GgufType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

// An array that was walked once and found whole. Its elements are read when they are asked for, so
// that a file costs no more memory than it has bytes.
struct GgufArray {
  GgufType type;  // of the elements
  uint64_t count;
  const std::byte* begin;
  uint64_t bytes;
};

using GgufValue = std::variant<uint64_t, int64_t, double, bool, std::string_view, GgufArray>;

// Getters throw Error(CannotLoad) naming the file, the key, what was found and what was expected.
class GgufMetadata {
 public:
  GgufMetadata() = default;
  GgufMetadata(std::shared_ptr<const MappedFile> file,
               std::map<std::string, GgufValue, std::less<>> values)
      : file_(std::move(file)), values_(std::move(values)) {}

  bool has(const std::string& key) const { return values_.contains(key); }
  bool has_array(const std::string& key) const;
  const std::map<std::string, GgufValue, std::less<>>& values() const { return values_; }

  int64_t integer(const std::string& key, int64_t lowest, int64_t highest) const;
  int64_t integer_or(const std::string& key,
                     int64_t lowest,
                     int64_t highest,
                     int64_t fallback) const;
  // None where it is absent or -1, as some converters write what a model does not have.
  std::optional<int32_t> token_id(const std::string& key) const;
  bool flag(const std::string& key) const;
  std::string text(const std::string& key) const;
  std::string text_or(const std::string& key, const std::string& fallback) const;
  std::vector<std::string> texts(const std::string& key) const;
  std::vector<int64_t> integers(const std::string& key) const;  // booleans are 0 and 1
  std::vector<float> floats(const std::string& key) const;
  std::string bytes(const std::string& key) const;  // of an array of 8-bit numbers

  // "FILE: 'key' is FOUND; expected EXPECTED".
  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const;

 private:
  const GgufValue* find(const std::string& key) const;
  const GgufArray& array(const std::string& key, const char* expected) const;

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, GgufValue, std::less<>> values_;
};

}  // namespace kvhost
