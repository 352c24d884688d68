// SPDX-License-Identifier: Apache-2.0
#include "model_files.hpp"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>

namespace kvhost::test {

namespace {

const std::filesystem::path kSource = KVHOST_SOURCE_DIR;
const std::filesystem::path kTiny = kSource / "tests/golden/models";
const std::filesystem::path kGolden = kSource / "tests/host/model/golden";

std::filesystem::path shared_dir() {
  const char* named = std::getenv("KVHOST_SHARED");
  return named ? std::filesystem::path(named) : kSource.parent_path() / "shared";
}

}  // namespace

std::filesystem::path model_dir(const std::string& name) {
  for (const auto& dir : {kTiny / name,
                          kSource / "models" / name,
                          shared_dir() / "models" / name,
                          shared_dir() / "models" / (name + "_prototype")})
    if (std::filesystem::exists(dir / "config.json")) return dir;
  return {};
}

std::vector<std::string> golden_models() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(kGolden)) {
    const std::string name = file.path().stem();
    if (model_dir(name).empty()) {
      std::cerr << "SKIPPED: model '" << name
                << "' is absent (set KVHOST_SHARED to the folder that holds models/)\n";
      continue;
    }
    names.push_back(name);
  }
  return names;
}

nlohmann::json golden(const std::string& name) {
  std::ifstream in(kGolden / (name + ".json"));
  return nlohmann::json::parse(in);
}

nlohmann::json tiny_config() {
  std::ifstream in(kTiny / "llama_mha/config.json");
  return nlohmann::json::parse(in);
}

void write_text(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string safetensors_bytes(const std::string& header, size_t data_bytes) {
  std::string out(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(out.data(), &length, 8);
  return out + header + std::string(data_bytes, '\0');
}

}  // namespace kvhost::test
