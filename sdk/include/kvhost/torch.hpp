// SPDX-License-Identifier: Apache-2.0
// Borrowed tensors as at::Tensor, for methods that use libtorch inside. The only SDK header that
// includes ATen. A library built with it says in its file which libtorch that was (torch_record.h).
#pragma once

#include <ATen/ATen.h>
#if __has_include(<torch/headeronly/version.h>)
#include <torch/headeronly/version.h>
#else
#include <torch/csrc/api/include/torch/version.h>
#endif

#include "sdk.hpp"
#include "torch_record.h"

#if defined(_GLIBCXX_USE_CXX11_ABI) && !_GLIBCXX_USE_CXX11_ABI
KVH_TORCH_RECORD(KVH_TORCH_VERSION(TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH), "0");
#else
KVH_TORCH_RECORD(KVH_TORCH_VERSION(TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH), "1");
#endif

namespace kvhost::sdk {

inline at::ScalarType scalar_type(const kvh_tensor& t) {
  if (t.dtype.code == KVH_DTYPE_INT && t.dtype.bits == 32) return at::kInt;
  if (t.dtype.code == KVH_DTYPE_INT && t.dtype.bits == 64) return at::kLong;
  switch (dtype_of(t)) {
    case Dtype::F32:
      return at::kFloat;
    case Dtype::F64:
      return at::kDouble;
    case Dtype::BF16:
      return at::kBFloat16;
    case Dtype::F16:
      return at::kHalf;
  }
  bad_shape("a tensor of an unknown dtype");
}

// [prefill, decode] A view, not a copy: valid during the call that delivered it, and not to be
// written.
inline at::Tensor as_tensor(const kvh_tensor& t) {
  const bool cuda = t.device.type == KVH_DEVICE_CUDA;
  const auto device = cuda ? at::Device(at::kCUDA, static_cast<at::DeviceIndex>(t.device.id))
                           : at::Device(at::kCPU);
  const at::IntArrayRef shape(t.shape, static_cast<size_t>(t.ndim));
  const at::IntArrayRef strides(t.strides, static_cast<size_t>(t.ndim));
  void* data = static_cast<char*>(t.data) + t.byte_offset;
  const auto options = at::TensorOptions().dtype(scalar_type(t)).device(device);
  if (c10::multiply_integers(shape) == 0) return at::empty(shape, options);
  return at::from_blob(data, shape, strides, options);
}

// [...] float32; the view itself where it is float32 already.
inline at::Tensor as_float(const kvh_tensor& t) { return as_tensor(t).to(at::kFloat); }

}  // namespace kvhost::sdk
