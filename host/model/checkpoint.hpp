// SPDX-License-Identifier: Apache-2.0
// The tensors of a model folder: model.safetensors, or the shards that model.safetensors.index.json
// lists.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "format/safetensors.hpp"

namespace kvhost {

struct Checkpoint {
  std::filesystem::path source;  // model.safetensors or the index: named in messages
  std::map<std::string, StoredTensor> tensors;
  // Of shards: file names by tensor, as the index has them. It decides where two shards hold one
  // tensor; that it lists more or less than they hold does no harm.
  std::map<std::string, std::string> index;
  std::vector<std::string> warnings;
};

// The files that hold them, sorted; none where there is no checkpoint. Others of the folder, what
// methods learned for one, are no part of the model.
std::vector<std::filesystem::path> checkpoint_files(const std::filesystem::path& dir);

Checkpoint read_checkpoint(const std::filesystem::path& dir, Held held = Held::Mapped);

}  // namespace kvhost
