// SPDX-License-Identifier: Apache-2.0
#include "model/float_tensor.hpp"

#include <ATen/Functions.h>

#include <cstring>

namespace kvhost {

std::optional<at::ScalarType> float_type(const std::string& dtype) {
  if (dtype == "F64") return at::kDouble;
  if (dtype == "F32") return at::kFloat;
  if (dtype == "BF16") return at::kBFloat16;
  if (dtype == "F16") return at::kHalf;
  return std::nullopt;
}

at::Tensor as_tensor(const StoredTensor& stored) {
  const at::ScalarType type = float_type(stored.dtype).value();
  const auto options = at::TensorOptions().dtype(type);
  auto* data = const_cast<std::byte*>(stored.data);
  if (reinterpret_cast<uintptr_t>(data) % at::elementSize(type) != 0) {
    at::Tensor copy = at::empty(stored.shape, options);
    std::memcpy(copy.mutable_data_ptr(), data, static_cast<size_t>(stored.bytes));
    return copy;
  }
  return at::from_blob(
      data, stored.shape, [file = stored.file, owner = stored.owner](void*) {}, options);
}

bool all_are(const StoredTensor& stored, double value) {
  return float_type(stored.dtype) && as_tensor(stored).eq(value).all().item<bool>();
}

bool same_numbers(const StoredTensor& a, const StoredTensor& b) {
  if (a.shape != b.shape) return false;
  if (a.dtype == b.dtype) return std::memcmp(a.data, b.data, static_cast<size_t>(a.bytes)) == 0;
  return float_type(a.dtype) && float_type(b.dtype) &&
         at::equal(as_tensor(a).to(at::kDouble), as_tensor(b).to(at::kDouble));
}

}  // namespace kvhost
