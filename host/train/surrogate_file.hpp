// SPDX-License-Identifier: Apache-2.0
// Surrogates as safetensors files, laid out as those that were published (kvhost/surrogate.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "train/surrogate.hpp"

namespace kvhost::train {

// `facts` go into the file's metadata.
void write_surrogate(const std::filesystem::path& file,
                     const Surrogate& surrogate,
                     const std::map<std::string, std::string>& facts);

// What a surrogate is and costs.
struct SurrogateFacts {
  SurrogateType type = SurrogateType::Linear;
  int64_t n_layers = 0, n_inputs = 0, n_hidden = 0, n_outputs = 0;
  int64_t n_parameters = 0;
  int64_t bytes = 0;            // as stored
  int64_t flops_per_token = 0;  // multiplications and additions
  std::map<std::string, std::string> metadata;
};

// None where the file holds no surrogate. Throws Error(CannotLoad) for one that is damaged.
std::optional<SurrogateFacts> surrogate_facts(const std::filesystem::path& file);

}  // namespace kvhost::train
