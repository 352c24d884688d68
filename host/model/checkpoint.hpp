// SPDX-License-Identifier: Apache-2.0
// The tensors of a model folder: model.safetensors, or the shards that model.safetensors.index.json
// lists.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "format/safetensors.hpp"

namespace kvhost {

struct Checkpoint {
  std::filesystem::path source;  // model.safetensors or the index: named in messages
  std::map<std::string, StoredTensor> tensors;
};

Checkpoint read_checkpoint(const std::filesystem::path& dir);

}  // namespace kvhost
