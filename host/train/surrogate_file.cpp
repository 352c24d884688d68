// SPDX-License-Identifier: Apache-2.0
#include "train/surrogate_file.hpp"

#include <ATen/ATen.h>

#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "format/safetensors.hpp"
#include "train/tensor_writer.hpp"

namespace kvhost::train {
namespace {

using Named = std::vector<std::pair<std::string, at::Tensor>>;

Named tensors_of(const Surrogate& surrogate) {
  Named named;
  for (size_t i = 0; i < surrogate.layers.size(); ++i) {
    const SurrogateLayer& layer = surrogate.layers[i];
    const std::string name = "layers." + std::to_string(i);
    const bool mlp = surrogate.type == SurrogateType::Mlp;
    named.emplace_back(name + (mlp ? ".0.weight" : ".weight"), layer.first.contiguous());
    named.emplace_back(name + (mlp ? ".0.bias" : ".bias"), layer.first_bias.contiguous());
    if (!mlp) continue;
    named.emplace_back(name + ".2.weight", layer.second.contiguous());
    named.emplace_back(name + ".2.bias", layer.second_bias.contiguous());
  }
  return named;
}

// "0.weight" of "layers.7.0.weight"; "" where the name is another.
std::string part_of_layer(const std::string& name) {
  constexpr std::string_view kLayers = "layers.";
  if (!name.starts_with(kLayers)) return "";
  const size_t end = name.find_first_not_of("0123456789", kLayers.size());
  const bool number = end != kLayers.size() && end != std::string::npos && name[end] == '.';
  return number ? name.substr(end + 1) : "";
}

}  // namespace

void write_surrogate(const std::filesystem::path& file,
                     const Surrogate& surrogate,
                     const std::map<std::string, std::string>& facts) {
  const Named named = tensors_of(surrogate);
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : named)
    tensors.push_back({name, tensor.sizes().vec(), tensor.const_data_ptr<float>()});
  write_tensors(file, tensors, facts);
}

std::optional<SurrogateFacts> surrogate_facts(const std::filesystem::path& file) {
  const SafetensorsFile stored = read_safetensors_file(file);
  SurrogateFacts facts;
  facts.metadata = stored.metadata;
  for (const StoredTensor& tensor : stored.tensors) {
    const std::string part = part_of_layer(tensor.name);
    int64_t n = 1;
    for (const int64_t size : tensor.shape) n *= size;
    facts.n_parameters += n;
    facts.bytes += tensor.bytes;
    if (part == "bias" || part == "0.bias" || part == "2.bias") continue;
    const bool only = part == "weight", hidden = part == "0.weight", last = part == "2.weight";
    if (!(only || hidden || last) || tensor.shape.size() != 2) return std::nullopt;
    facts.flops_per_token += 2 * n;
    if (!only) facts.type = SurrogateType::Mlp;
    if (hidden) facts.n_hidden = tensor.shape[0];
    if (!last) facts.n_inputs = tensor.shape[1];
    if (!hidden) facts.n_outputs = tensor.shape[0];
    if (!last) ++facts.n_layers;
  }
  if (facts.n_inputs == 0 || facts.n_outputs == 0) return std::nullopt;
  return facts;
}

}  // namespace kvhost::train
