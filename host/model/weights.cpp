// SPDX-License-Identifier: Apache-2.0
#include "model/weights.hpp"

#include <ATen/Functions.h>

#include <cmath>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "base/scalar_type.hpp"
#include "format/shape_text.hpp"
#include "model/checkpoint.hpp"
#include "model/checkpoint_fit.hpp"
#include "model/expert_tensors.hpp"
#include "model/float_tensor.hpp"
#include "model/gguf_weights.hpp"
#include "model/quantise.hpp"
#include "model/weight_slots.hpp"

namespace kvhost {

namespace {

// Rows of a stored tensor [n, ...]; a vector's elements are its rows.
at::Tensor some_rows(const WeightSlot& slot, const at::Tensor& tensor) {
  return slot.n_rows < 0 ? tensor : tensor.narrow(0, slot.first_row, slot.n_rows);
}

// With its data where that had to be made first.
StoredTensor realised(StoredTensor stored) {
  if (!stored.make) return stored;
  const auto data = stored.make();
  stored.data = data.get();
  stored.owner = data;
  return stored;
}

Matrix blocks_of(WeightType type, const StoredTensor& stored) {
  return Matrix::of_blocks(type, stored.data, stored.shape[0], stored.shape[1], stored.owner);
}

void load_slot(const WeightSlot& slot,
               const StoredTensor& found,
               DType dtype,
               const std::string& quantised_by) {
  const StoredTensor stored = realised(found);
  const std::string where = stored.file->path().string();
  const auto blocks = stored.owner ? find_weight_type(stored.dtype) : std::nullopt;
  if (!float_type(stored.dtype) && !blocks)
    cannot_load(where,
                "tensor '" + stored.name + "' is stored as " + stored.dtype +
                    (quantised_by.empty() ? "" : " (quantised by " + quantised_by + ")") +
                    "; expected F32, BF16, F16 or F64 (of quantised weights kvhost reads GGUF "
                    "files)");
  if (stored.shape != slot.shape)
    cannot_load(where,
                "tensor '" + stored.name + "' has shape " + shape_text(stored.shape) +
                    "; expected " + shape_text(slot.shape) + " from config.json");
  if (const WeightType type = blocks.value_or(WeightType::F32); !is_plain(type)) {
    *slot.matrix = blocks_of(type, stored);
    return;
  }
  const at::Tensor tensor = some_rows(slot, as_tensor(stored));
  at::Tensor loaded = tensor.to(slot.norm ? at::kFloat : scalar_type(dtype));
  if (slot.add_one) loaded = loaded + 1;
  if (slot.matrix)
    *slot.matrix = loaded;
  else
    *slot.vector = loaded;
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
                                             std::optional<DType> dtype,
                                             std::optional<WeightType> form) {
  const ModelConfig config = read_config(dir);
  if (is_gguf(dir)) return load_gguf(dir, config, dtype, form);
  std::shared_ptr<Weights> out(new Weights(config, dtype.value_or(config.checkpoint_dtype)));
  const bool as_stored = !form && out->dtype_ == config.checkpoint_dtype;
  Checkpoint checkpoint = read_checkpoint(dir, as_stored ? Held::InMemory : Held::Mapped);
  split_experts(config, checkpoint);
  const CheckpointFit fit =
      fit_checkpoint(config, checkpoint, weight_slots(config, out->tensors_));
  if (fit.own_head) out->config_.tied_embeddings = false;
  out->warnings_ = fit.warnings;
  for (const auto& slot : weight_slots(out->config_, out->tensors_))
    load_slot(slot, *fit.tensors.at(slot.name), out->dtype_, config.quantised_by);
  if (form) store_as(*form, out->dtype_, weight_slots(out->config_, out->tensors_));
  if (out->config_.tied_embeddings) out->tensors_.lm_head = out->tensors_.embedding;
  return out;
}

std::shared_ptr<const Weights> Weights::load_gguf(const std::filesystem::path& path,
                                                  const ModelConfig& config,
                                                  std::optional<DType> dtype,
                                                  std::optional<WeightType> form) {
  std::shared_ptr<Weights> out(new Weights(config, dtype.value_or(config.checkpoint_dtype)));
  const bool as_stored = !form && out->dtype_ != DType::Float32;  // which means unpacked
  const GgufFile file = read_gguf(path, as_stored ? Held::InMemory : Held::Mapped);
  out->warnings_ =
      load_gguf_weights(file, weight_slots(config, out->tensors_), out->dtype_, config);
  if (form) store_as(*form, out->dtype_, weight_slots(config, out->tensors_));
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
