// SPDX-License-Identifier: Apache-2.0
#include "train/surrogate.hpp"

#include <ATen/ATen.h>

namespace kvhost::train {

const char* type_name(SurrogateType type) {
  return type == SurrogateType::Linear ? "linear" : "mlp";
}

at::Tensor SurrogateLayer::predict(const at::Tensor& x) const {
  const at::Tensor out = at::addmm(first_bias, x, first.t());
  return second.defined() ? at::addmm(second_bias, at::gelu(out), second.t()) : out;
}

}  // namespace kvhost::train
