// SPDX-License-Identifier: Apache-2.0
// Where the golden files and the tokenizers they belong to lie, and the hash they use.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/json_file.hpp"

namespace golden {

inline std::filesystem::path shared_folder() {
  const char* set = std::getenv("KVHOST_SHARED");
  return set != nullptr ? std::filesystem::path(set)
                        : std::filesystem::path(KVHOST_SOURCE_DIR).parent_path() / "shared";
}

inline std::filesystem::path tests_folder() {
  return std::filesystem::path(KVHOST_TEST_DATA) / "host/tokenizer";
}

// The folder of a tokenizer by the name of its golden file; it need not exist.
inline std::filesystem::path tokenizer_folder(const std::string& name) {
  if (name == "small") return tests_folder() / "small";
  const auto committed = std::filesystem::path(KVHOST_SOURCE_DIR) / "models/demo";
  if (name == "demo" && std::filesystem::exists(committed / "tokenizer.json")) return committed;
  if (name == "demo") return shared_folder() / "models/demo_prototype";
  return shared_folder() / (name == "stories260k" ? "models" : "tokenizers") / name;
}

inline nlohmann::json load(const std::string& file) {
  return kvhost::read_json(tests_folder() / file, kvhost::ExitCode::CannotLoad);
}

// FNV-1a 64, as tests/oracle/tokenizer_common.py has it.
class Fnv {
 public:
  void bytes(std::string_view data) {
    for (const char b : data) hash_ = (hash_ ^ static_cast<unsigned char>(b)) * 0x100000001B3u;
  }
  void word(uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8)
      hash_ = (hash_ ^ (value >> shift & 255)) * 0x100000001B3u;
  }
  // The ids and a mark that ends them.
  void list(std::span<const int32_t> ids) {
    for (const int32_t id : ids) word(static_cast<uint32_t>(id));
    word(0xFFFFFFFFu);
  }
  std::string hex() const {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash_));
    return text;
  }

 private:
  uint64_t hash_ = 0xCBF29CE484222325u;
};

}  // namespace golden
