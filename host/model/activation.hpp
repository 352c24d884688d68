// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/Functions.h>

#include "model/config.hpp"

namespace kvhost {

inline at::Tensor activate(Activation kind, const at::Tensor& x) {
  if (kind == Activation::Silu) return at::silu(x);
  return at::gelu(x, kind == Activation::GeluTanh ? "tanh" : "none");
}

}  // namespace kvhost
