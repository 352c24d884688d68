// SPDX-License-Identifier: Apache-2.0
// Where the checkpoints of the tests are, and folders that go away again.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "temp_folder.hpp"

namespace kvhost::test {

// Names with a golden file. Models that are not here (the shared folder is optional) are left out
// with a warning.
std::vector<std::string> golden_models();
std::filesystem::path model_dir(const std::string& name);  // empty when absent
nlohmann::json golden(const std::string& name);

// config.json of the tiny llama_mha checkpoint, to be changed in one place.
nlohmann::json tiny_config();
void write_text(const std::filesystem::path& path, const std::string& bytes);

// A safetensors file with this header text and this many data bytes.
std::string safetensors_bytes(const std::string& header, size_t data_bytes);

}  // namespace kvhost::test
