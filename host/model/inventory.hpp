// SPDX-License-Identifier: Apache-2.0
// What lies in the files of a model, before any of it is read: for those who wonder what they have,
// or why it does not load.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "model/config.hpp"

namespace kvhost {

struct TensorFacts {
  std::string name, type;  // as stored
  std::vector<int64_t> shape;
  int64_t bytes = 0;
  bool used = true;  // false: the model has no use for it; where it does not fit, that is not known
};

struct ModelInventory {
  ModelConfig config;
  std::vector<std::filesystem::path> files;  // that hold tensors, each once
  std::vector<TensorFacts> tensors;
  std::vector<std::string> warnings;
  std::optional<Error> problem;  // why the weights cannot be loaded
};

// Throws Error where already the config or the files cannot be read.
ModelInventory take_inventory(const std::filesystem::path& model);

}  // namespace kvhost
