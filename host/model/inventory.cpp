// SPDX-License-Identifier: Apache-2.0
#include "model/inventory.hpp"

#include <set>

#include "model/checkpoint_fit.hpp"
#include "model/expert_tensors.hpp"
#include "model/gguf_weights.hpp"

namespace kvhost {

namespace {

CheckpointFit try_fit(const Checkpoint& checkpoint, ModelInventory& inventory) {
  ModelWeights nowhere;
  try {
    return fit_checkpoint(inventory.config, checkpoint, weight_slots(inventory.config, nowhere));
  } catch (const Error& e) {
    inventory.problem = e;
    return {};
  }
}

ModelInventory inventory_of_gguf(const std::filesystem::path& path) {
  ModelInventory out;
  out.config = read_config(path);
  const GgufFile file = read_gguf(path);
  ModelWeights nowhere;
  GgufFit fit;
  try {
    fit = fit_gguf(file, weight_slots(out.config, nowhere), out.config);
  } catch (const Error& e) {
    out.problem = e;
  }
  out.warnings = fit.warnings;
  out.files = file.parts;
  for (const auto& tensor : file.tensors)
    out.tensors.push_back({tensor.name,
                           weight_type_info(tensor.type).name,
                           tensor.shape,
                           tensor.bytes,
                           out.problem || fit.used.contains(tensor.name)});
  return out;
}

}  // namespace

ModelInventory take_inventory(const std::filesystem::path& model) {
  if (is_gguf(model)) return inventory_of_gguf(model);
  if (!std::filesystem::is_directory(model))
    cannot_load(model.string(),
                "is a file, and no GGUF; expected a folder with config.json and safetensors, or a "
                "GGUF file");
  ModelInventory out;
  out.config = read_config(model);
  Checkpoint checkpoint = read_checkpoint(model);
  split_experts(out.config, checkpoint);
  const CheckpointFit fit = try_fit(checkpoint, out);
  out.warnings = fit.warnings;
  if (fit.own_head) out.config.tied_embeddings = false;
  std::set<const StoredTensor*> used;
  for (const auto& [name, tensor] : fit.tensors) used.insert(tensor);
  std::set<std::filesystem::path> files;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const bool counts = out.problem || used.count(&tensor) > 0;
    out.tensors.push_back({name, tensor.dtype, tensor.shape, tensor.bytes, counts});
    files.insert(tensor.file->path());
  }
  out.files.assign(files.begin(), files.end());
  return out;
}

}  // namespace kvhost
