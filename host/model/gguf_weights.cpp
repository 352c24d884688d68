// SPDX-License-Identifier: Apache-2.0
#include "model/gguf_weights.hpp"

#include <ATen/Functions.h>

#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "base/error.hpp"
#include "base/scalar_type.hpp"
#include "format/shape_text.hpp"
#include "model/gguf_config.hpp"
#include "model/gguf_rows.hpp"
#include "model/name_list.hpp"

namespace kvhost {

namespace {

at::ScalarType plain_type(WeightType type) {
  return type == WeightType::F32 ? at::kFloat : type == WeightType::F16 ? at::kHalf : at::kBFloat16;
}

// `n` rows from `first` on, in the order `rows` gives (empty: as they lie).
struct Part {
  const GgufTensor* stored = nullptr;
  int64_t first = 0, n = 0, n_in = 0;
  std::vector<int64_t> rows;  // of the stored tensor, n of them
};

// The bytes of the part: in the file, or a copy in the right order.
std::pair<const std::byte*, std::shared_ptr<const void>> bytes_of(const Part& part) {
  const int64_t stride = row_bytes(part.stored->type, part.n_in);
  if (part.rows.empty()) return {part.stored->data + part.first * stride, part.stored->file};
  auto copy = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(part.n * stride));
  for (int64_t i = 0; i < part.n; ++i)
    std::memcpy(copy->data() + i * stride,
                part.stored->data + part.rows[static_cast<size_t>(i)] * stride,
                static_cast<size_t>(stride));
  return {copy->data(), copy};
}

Matrix matrix_of(const Part& part, DType dtype) {
  auto [data, owner] = bytes_of(part);
  if (!is_plain(part.stored->type))
    return Matrix::of_blocks(part.stored->type, data, part.n, part.n_in, owner);
  const at::ScalarType type = plain_type(part.stored->type);
  const auto options = at::TensorOptions().dtype(type);
  return at::from_blob(
             const_cast<std::byte*>(data), {part.n, part.n_in}, [owner](void*) {}, options)
      .to(scalar_type(dtype));
}

// A row by itself is a vector.
at::Tensor vector_of(const Part& part, DType dtype) {
  return matrix_of(part, dtype).numbers(dtype).reshape({part.n * part.n_in});
}

// Finds the tensors of slots.
class SlotFinder {
 public:
  SlotFinder(const GgufFile& file, const ModelConfig& config)
      : file_(file), architecture_(gguf_architecture(file)), config_(config) {
    for (const auto& tensor : file.tensors) tensors_[tensor.name] = &tensor;
  }

  // None where the file has no such tensor, which finish() reports for all together.
  std::optional<Part> find(const WeightSlot& slot) {
    const auto source = gguf_source(architecture_, slot.name);
    const auto found = source ? tensors_.find(source->tensor) : tensors_.end();
    if (found == tensors_.end()) {
      missing_.push_back(source ? source->tensor : slot.name);
      return std::nullopt;
    }
    used_.insert(source->tensor);
    return part_for(slot, *found->second, source->expert);
  }

  GgufFit finish() const {
    if (!missing_.empty())
      cannot_load(file_.path.string(),
                  (missing_.size() == 1 ? "tensor " : "tensors ") + some_of(missing_) +
                      (missing_.size() == 1 ? " is" : " are") + " missing; expected those of a " +
                      config_.family + " model as its metadata describes it");
    GgufFit fit{used_, {}};
    std::vector<std::string> surplus;
    for (const auto& [name, tensor] : tensors_)
      if (name.starts_with("rope_f"))
        fit.used.insert(name);  // by the configuration
      else if (!used_.contains(name))
        surplus.push_back(name);
    if (!surplus.empty())
      fit.warnings = {file_.path.string() + ": " + std::to_string(surplus.size()) +
                      (surplus.size() == 1 ? " tensor is" : " tensors are") + " not used by a " +
                      config_.family + " model: " + some_of(surplus)};
    return fit;
  }

 private:
  Part part_for(const WeightSlot& slot, const GgufTensor& stored, int64_t expert) const {
    std::vector<int64_t> shape = slot.shape;
    if (expert >= 0 && stored.shape.size() == shape.size() + 1)
      shape.insert(shape.begin(), std::max(stored.shape.front(), expert + 1));
    // Of the one row of a shared expert's gate some converters make a vector.
    const bool one_row = slot.matrix && shape.front() == 1 && stored.shape.size() == 1;
    if (stored.shape != shape && !(one_row && stored.shape.front() == shape.back()))
      cannot_load(stored.file->path().string(),
                  "tensor '" + stored.name + "' has shape " + shape_text(stored.shape) +
                      "; expected " + shape_text(shape) + " from its metadata");
    const bool vector = slot.shape.size() == 1;
    if (vector && !is_plain(stored.type))
      cannot_load(stored.file->path().string(),
                  "tensor '" + stored.name + "' is a vector of " +
                      weight_type_info(stored.type).name + "; expected F32, F16 or BF16");
    Part part;
    part.stored = &stored;
    // A vector's elements are its rows.
    part.n_in = vector ? 1 : slot.shape.back();
    int64_t n = 1;
    for (size_t i = 0; i + (vector ? 0 : 1) < slot.shape.size(); ++i) n *= slot.shape[i];
    part.first = std::max<int64_t>(expert, 0) * n;
    part.n = n;
    part.rows = gguf_row_order(architecture_, config_, stored.name, n);
    if (slot.n_rows >= 0) {
      if (!part.rows.empty())
        part.rows = {part.rows.begin() + slot.first_row,
                     part.rows.begin() + slot.first_row + slot.n_rows};
      part.first += slot.first_row;
      part.n = slot.n_rows;
    }
    return part;
  }

  const GgufFile& file_;
  const GgufArchitecture& architecture_;
  const ModelConfig& config_;
  std::map<std::string, const GgufTensor*> tensors_;
  std::set<std::string> used_;
  std::vector<std::string> missing_;
};

void load_slot(const WeightSlot& slot, const Part& part, DType dtype) {
  if (slot.matrix)
    *slot.matrix = matrix_of(part, dtype);
  else  // a copy: vectors are few and read at every token
    *slot.vector = vector_of(part, slot.norm ? DType::Float32 : dtype).clone();
}

}  // namespace

GgufFit fit_gguf(const GgufFile& file,
                 const std::vector<WeightSlot>& slots,
                 const ModelConfig& config) {
  SlotFinder finder(file, config);
  for (const auto& slot : slots) finder.find(slot);
  return finder.finish();
}

std::vector<std::string> load_gguf_weights(const GgufFile& file,
                                           const std::vector<WeightSlot>& slots,
                                           DType dtype,
                                           const ModelConfig& config) {
  SlotFinder finder(file, config);
  for (const auto& slot : slots)
    if (const auto part = finder.find(slot)) load_slot(slot, *part, dtype);
  return finder.finish().warnings;
}

}  // namespace kvhost
