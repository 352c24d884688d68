// SPDX-License-Identifier: Apache-2.0
// What kvpress makes of a prompt, by a Python in which it is installed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kvhost {

struct KvpressRequest {
  std::filesystem::path model;  // a Hugging Face folder
  std::vector<int32_t> tokens;
  std::string press;   // "SnapKVPress(window_size=32)"
  int64_t n_kept = 0;  // entries per head
};

struct KvpressAnswer {
  std::string versions;                               // "kvpress 0.5.5, transformers 5.2.0, torch 2.13.0"
  std::vector<std::vector<std::vector<int32_t>>> kept;  // [n_layers][n_kv_heads], ascending positions
  std::vector<std::vector<std::vector<float>>> scores;  // [n_layers][n_kv_heads][T]; empty: it has none
};

// The Python to take: `given`; where it is "", that of $KVHOST_ORACLE_VENV, or of .venv-oracle in the
// working folder. Throws Error(BadRequest) with the cure where there is none.
std::filesystem::path python_with_kvpress(const std::string& given);

// Throws Error(RunFailed) with what Python said.
KvpressAnswer ask_kvpress(const std::filesystem::path& python, const KvpressRequest& request);

}  // namespace kvhost
