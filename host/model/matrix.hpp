// SPDX-License-Identifier: Apache-2.0
// A weight matrix as it is stored: numbers in the model's dtype, or rows of quantised blocks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/dtype.hpp"
#include "base/weight_type.hpp"

namespace kvhost {

// Copies share the numbers, which nobody writes once a model is loaded.
class Matrix {
 public:
  Matrix() = default;
  Matrix(at::Tensor dense) : dense_(std::move(dense)) {}  // [n_out, n_in]
  // n_out rows of n_in weights in blocks of `type`, kept alive by `owner`.
  static Matrix of_blocks(WeightType type,
                          const std::byte* blocks,
                          int64_t n_out,
                          int64_t n_in,
                          std::shared_ptr<const void> owner);

  bool defined() const { return dense_.defined() || blocks_ != nullptr; }
  bool quantised() const { return blocks_ != nullptr; }
  int64_t n_out() const { return quantised() ? n_out_ : dense_.size(0); }
  int64_t n_in() const { return quantised() ? n_in_ : dense_.size(1); }
  int64_t bytes() const;  // as stored

  // The tensor [n_out, n_in] of a matrix that is not quantised.
  const at::Tensor& dense() const { return dense_; }
  at::Tensor& dense() { return dense_; }

  // Of a quantised one.
  WeightType type() const { return type_; }
  const std::byte* blocks() const { return blocks_; }
  const std::shared_ptr<const void>& owner() const { return owner_; }

  // Rows [first, first + n), a view.
  Matrix rows(int64_t first, int64_t n) const;
  // All of it as numbers, [n_out, n_in]: a view where that is possible, else new memory.
  at::Tensor numbers(DType dtype) const;
  // The rows with these ids as numbers, [ids.size(), n_in].
  at::Tensor gather(std::span<const int32_t> ids, DType dtype) const;

 private:
  at::Tensor dense_;
  WeightType type_ = WeightType::F32;
  const std::byte* blocks_ = nullptr;
  int64_t n_out_ = 0, n_in_ = 0;
  std::shared_ptr<const void> owner_;
};

}  // namespace kvhost
