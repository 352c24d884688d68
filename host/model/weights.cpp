// SPDX-License-Identifier: Apache-2.0
#include "model/weights.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "base/scalar_type.hpp"
#include "base/text.hpp"
#include "model/checkpoint.hpp"
#include "model/families.hpp"
#include "model/weight_slots.hpp"

namespace kvhost {

namespace {

// "a, b, c and 4 more".
std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  const std::vector<std::string> first(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, names.size())));
  return join(first, ", ") +
         (names.size() > kShown ? " and " + std::to_string(names.size() - kShown) + " more" : "");
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::vector<std::string> sizes;
  for (const int64_t size : shape) sizes.push_back(std::to_string(size));
  return std::string("[").append(join(sizes, ", ")).append("]");
}

std::optional<DType> stored_dtype(const std::string& name) {
  if (name == "F32") return DType::Float32;
  if (name == "BF16") return DType::BFloat16;
  if (name == "F16") return DType::Float16;
  return std::nullopt;
}

// A view of the mapped file, kept open by the tensor. Data that a shard header left unaligned is
// copied.
at::Tensor as_tensor(const StoredTensor& stored, DType dtype) {
  const auto options = at::TensorOptions().dtype(scalar_type(dtype));
  auto* data = const_cast<std::byte*>(stored.data);
  if (reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(element_size(dtype)) != 0) {
    at::Tensor copy = at::empty(stored.shape, options);
    std::memcpy(copy.mutable_data_ptr(), data, static_cast<size_t>(stored.bytes));
    return copy;
  }
  return at::from_blob(
      data, stored.shape, [file = stored.file](void*) {}, options);
}

// Rows of a stored tensor [n, ...]; a vector's elements are its rows.
at::Tensor some_rows(const WeightSlot& slot, const at::Tensor& tensor) {
  return slot.n_rows < 0 ? tensor : tensor.narrow(0, slot.first_row, slot.n_rows);
}

void load_slot(const WeightSlot& slot, const StoredTensor& stored, DType dtype) {
  const std::string where = stored.file->path().string();
  const auto found = stored_dtype(stored.dtype);
  if (!found)
    cannot_load(
        where,
        "tensor '" + slot.name + "' is stored as " + stored.dtype + "; expected F32, BF16 or F16");
  if (stored.shape != slot.shape)
    cannot_load(where,
                "tensor '" + slot.name + "' has shape " + shape_text(stored.shape) + "; expected " +
                    shape_text(slot.shape) + " from config.json");
  const at::Tensor tensor = some_rows(slot, as_tensor(stored, *found));
  const at::Tensor loaded = tensor.to(slot.norm ? at::kFloat : scalar_type(dtype));
  if (slot.matrix)
    *slot.matrix = loaded;
  else
    *slot.vector = loaded;
}

void refuse_unexpected(const ModelConfig& config,
                       const Checkpoint& checkpoint,
                       const std::vector<WeightSlot>& slots) {
  std::map<std::string, bool> expected;
  for (const auto& slot : slots) expected[slot.name] = true;
  std::vector<std::string> unexpected;
  const Family& family = *find_family(config.family);
  for (const auto& [name, tensor] : checkpoint.tensors)
    if (!expected.count(name) && !is_harmless_extra(family, config, name))
      unexpected.push_back(name);
  if (!unexpected.empty())
    cannot_load(checkpoint.source.string(),
                "unexpected tensors " + some_of(unexpected) + "; expected those of a " +
                    config.family + " model as config.json describes it");
}

uint64_t mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// Uniform values of the given standard deviation, the same for any number of threads.
at::Tensor random_matrix(const std::vector<int64_t>& shape,
                         DType dtype,
                         uint64_t seed,
                         float deviation) {
  at::Tensor out = at::empty(shape, at::TensorOptions().dtype(scalar_type(dtype)));
  const float half_range = deviation * std::sqrt(3.0F);
  const auto value = [&](int64_t i) {
    const auto bits = static_cast<float>(mix(seed + static_cast<uint64_t>(i)) >> 40);  // 24 bits
    return (bits / static_cast<float>(1 << 23) - 1.0F) * half_range;
  };
  const auto fill = [&](auto* data) {
    using Element = std::remove_pointer_t<decltype(data)>;
    parallel_for(out.numel(), 65536, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) data[i] = static_cast<Element>(value(i));
    });
  };
  if (dtype == DType::BFloat16) {
    fill(out.mutable_data_ptr<at::BFloat16>());
  } else if (dtype == DType::Float16) {
    fill(out.mutable_data_ptr<at::Half>());
  } else {
    fill(out.mutable_data_ptr<float>());
  }
  return out;
}

}  // namespace

Weights::Weights(const ModelConfig& config, DType dtype) : config_(config), dtype_(dtype) {}

std::shared_ptr<const Weights> Weights::load(const std::filesystem::path& dir,
                                             std::optional<DType> dtype) {
  const ModelConfig config = read_config(dir);
  std::shared_ptr<Weights> out(new Weights(config, dtype.value_or(config.checkpoint_dtype)));
  const Checkpoint checkpoint = read_checkpoint(dir);
  const auto slots = weight_slots(config, out->tensors_);
  std::vector<std::string> missing;
  for (const auto& slot : slots)
    if (!checkpoint.tensors.count(slot.name)) missing.push_back(slot.name);
  if (!missing.empty())
    cannot_load(checkpoint.source.string(),
                "tensors " + some_of(missing) + " are missing; expected those of a " +
                    config.family + " model as config.json describes it");
  refuse_unexpected(config, checkpoint, slots);
  for (const auto& slot : slots)
    load_slot(slot, checkpoint.tensors.at(slot.name), out->dtype_);
  if (config.tied_embeddings) out->tensors_.lm_head = out->tensors_.embedding;
  return out;
}

std::shared_ptr<const Weights> Weights::random(const ModelConfig& config,
                                               DType dtype,
                                               uint64_t seed) {
  std::shared_ptr<Weights> out(new Weights(config, dtype));
  uint64_t tensor_seed = mix(seed);
  for (const auto& slot : weight_slots(config, out->tensors_)) {
    const bool matrix = slot.shape.size() == 2;
    tensor_seed = mix(tensor_seed);
    // 1 / sqrt(n_in) keeps activations of order one through any depth.
    const float deviation = matrix ? 1.0F / std::sqrt(static_cast<float>(slot.shape[1])) : 0.1F;
    const at::Tensor drawn = random_matrix(slot.shape, dtype, tensor_seed, deviation);
    if (slot.matrix) {
      *slot.matrix = some_rows(slot, drawn);
      continue;
    }
    *slot.vector = some_rows(slot, slot.norm ? drawn.to(at::kFloat) : drawn);
    if (slot.name.ends_with(".weight")) *slot.vector = slot.vector->add(1);
  }
  if (config.tied_embeddings) out->tensors_.lm_head = out->tensors_.embedding;
  return out;
}

}  // namespace kvhost
