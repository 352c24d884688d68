// SPDX-License-Identifier: Apache-2.0
// Typed views of borrowed tensors. A row is read as float whatever the cache's dtype is; float32
// rows are not copied.
#pragma once

#include <cstring>
#include <vector>

#include "error.hpp"

namespace kvhost::sdk {

inline float bf16_to_float(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

inline float fp16_to_float(uint16_t bits) {
  // Exponent and mantissa moved into place and rescaled by 2^112; this is exact for subnormal
  // numbers too.
  const uint32_t magnitude = static_cast<uint32_t>(bits & 0x7fffu) << 13;
  float value;
  std::memcpy(&value, &magnitude, sizeof value);
  value *= 0x1p112f;
  uint32_t wide;
  std::memcpy(&wide, &value, sizeof wide);
  if ((bits & 0x7c00u) == 0x7c00u) wide = 0x7f800000u | (magnitude & 0x007fffffu);  // inf, NaN
  wide |= static_cast<uint32_t>(bits & 0x8000u) << 16;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

enum class Dtype { F32, F64, BF16, F16 };

// [throws] KVH_E_SHAPE for anything but a floating-point dtype.
inline Dtype dtype_of(const kvh_tensor& t) {
  if (t.dtype.code == KVH_DTYPE_FLOAT && t.dtype.lanes == 1) {
    if (t.dtype.bits == 32) return Dtype::F32;
    if (t.dtype.bits == 64) return Dtype::F64;
    if (t.dtype.bits == 16) return Dtype::F16;
  }
  if (t.dtype.code == KVH_DTYPE_BFLOAT && t.dtype.bits == 16) return Dtype::BF16;
  bad_shape("tensor of dtype code " + std::to_string(t.dtype.code) + ", " +
            std::to_string(t.dtype.bits) + " bits; expected a floating-point dtype");
}

inline int64_t element_size(Dtype dtype) {
  return dtype == Dtype::F64 ? 8 : dtype == Dtype::F32 ? 4 : 2;
}

// Converts `n` elements that lie `stride` elements apart.
inline void load_floats(Dtype dtype, const char* from, int64_t stride, int64_t n, float* to) {
  switch (dtype) {
    case Dtype::F32: {
      const auto* p = reinterpret_cast<const float*>(from);
      for (int64_t i = 0; i < n; ++i) to[i] = p[i * stride];
      return;
    }
    case Dtype::F64: {
      const auto* p = reinterpret_cast<const double*>(from);
      for (int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(p[i * stride]);
      return;
    }
    case Dtype::BF16: {
      const auto* p = reinterpret_cast<const uint16_t*>(from);
      for (int64_t i = 0; i < n; ++i) to[i] = bf16_to_float(p[i * stride]);
      return;
    }
    case Dtype::F16: {
      const auto* p = reinterpret_cast<const uint16_t*>(from);
      for (int64_t i = 0; i < n; ++i) to[i] = fp16_to_float(p[i * stride]);
      return;
    }
  }
}

// A tensor of any rank on the CPU, read row by row along its last axis.
class View {
 public:
  // [throws] KVH_E_SHAPE when the rank is not `ndim`, KVH_E_UNSUPPORTED when it is not on the CPU.
  View(const kvh_tensor& t, int32_t ndim) : tensor_(&t), dtype_(dtype_of(t)) {
    if (t.ndim != ndim) {
      bad_shape("tensor with " + std::to_string(t.ndim) + " axes; expected " +
                std::to_string(ndim));
    }
    if (t.device.type != KVH_DEVICE_CPU) {
      throw Error(KVH_E_UNSUPPORTED,
                  "",
                  "tensor on device type " + std::to_string(t.device.type) +
                      "; this method reads CPU memory");
    }
  }
  // A view of a temporary would read what is gone. So it is with all that borrows in these headers.
  View(const kvh_tensor&&, int32_t) = delete;

  int64_t size(int32_t axis) const { return tensor_->shape[axis]; }
  const kvh_tensor& raw() const { return *tensor_; }

 protected:
  // Row at `offset` elements: in place when it is contiguous float32, otherwise converted into
  // `scratch`.
  const float* row_at(int64_t offset, std::vector<float>& scratch) const {
    const int32_t last = tensor_->ndim - 1;
    const int64_t n = tensor_->shape[last];
    const int64_t stride = tensor_->strides[last];
    const char* from = static_cast<const char*>(tensor_->data) + tensor_->byte_offset +
                       offset * element_size(dtype_);
    if (dtype_ == Dtype::F32 && (stride == 1 || n <= 1)) {
      return reinterpret_cast<const float*>(from);
    }
    scratch.resize(static_cast<size_t>(n));
    load_floats(dtype_, from, stride, n, scratch.data());
    return scratch.data();
  }

  const kvh_tensor* tensor_;
  Dtype dtype_;
};

// [rows, cols]
class Matrix : public View {
 public:
  explicit Matrix(const kvh_tensor& t) : View(t, 2) {}
  explicit Matrix(const kvh_tensor&&) = delete;
  int64_t rows() const { return size(0); }
  int64_t cols() const { return size(1); }
  // Valid until `scratch` changes; one scratch per thread.
  const float* row(int64_t i, std::vector<float>& scratch) const {
    return row_at(i * tensor_->strides[0], scratch);
  }
};

// [slices, rows, cols]
class Cube : public View {
 public:
  explicit Cube(const kvh_tensor& t) : View(t, 3) {}
  explicit Cube(const kvh_tensor&&) = delete;
  int64_t slices() const { return size(0); }
  int64_t rows() const { return size(1); }
  int64_t cols() const { return size(2); }
  const float* row(int64_t slice, int64_t i, std::vector<float>& scratch) const {
    return row_at(slice * tensor_->strides[0] + i * tensor_->strides[1], scratch);
  }
};

}  // namespace kvhost::sdk
