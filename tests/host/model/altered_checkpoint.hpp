// SPDX-License-Identifier: Apache-2.0
// A tiny checkpoint in memory, to be renamed, split and filled otherwise, and what it computes.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "model/weights.hpp"

namespace kvhost::test {

struct AlteredCheckpoint {
  struct Entry {
    std::string dtype;
    std::vector<int64_t> shape;
    std::string bytes;
  };
  std::map<std::string, Entry> tensors;
  nlohmann::json config;

  explicit AlteredCheckpoint(const std::string& model);  // one of tests/golden/models

  // float32 numbers.
  void set(const std::string& name, const at::Tensor& numbers);
  at::Tensor get(const std::string& name) const;  // of a tensor stored as F32
  void rename(const std::string& from, const std::string& to);
  // Takes `prefix` from the names that begin with it.
  void strip(const std::string& prefix);

  // config.json and model.safetensors.
  void write(const std::filesystem::path& dir) const;
  // One file with these tensors.
  void write_shard(const std::filesystem::path& file, const std::set<std::string>& names) const;
  // config.json, shards of the tensors named, and the index.
  void write_shards(const std::filesystem::path& dir,
                    const std::map<std::string, std::set<std::string>>& shards,
                    const std::map<std::string, std::string>& index) const;

  std::shared_ptr<const Weights> load() const;  // through a folder of its own
  // Logits of the same few tokens for every model.
  at::Tensor logits() const;
  // The one line it is refused with; "" when it loads.
  std::string refusal() const;
};

at::Tensor logits_of(const std::shared_ptr<const Weights>& weights);

}  // namespace kvhost::test
