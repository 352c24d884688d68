// SPDX-License-Identifier: Apache-2.0
// Stored floating-point tensors as tensors of libtorch, and comparisons of what is stored.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "format/safetensors.hpp"

namespace kvhost {

// Of "F64", "F32", "BF16", "F16"; none for the other types of the format.
std::optional<at::ScalarType> float_type(const std::string& dtype);

// A view of the data, kept by the tensor as long as it lives; what a header left unaligned is copied.
// The type must be a float_type.
at::Tensor as_tensor(const StoredTensor& stored);

// Whether every number is `value`; false for other than floating-point types.
bool all_are(const StoredTensor& stored, double value);
bool same_numbers(const StoredTensor& a, const StoredTensor& b);

}  // namespace kvhost
