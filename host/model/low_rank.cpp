// SPDX-License-Identifier: Apache-2.0
#include "model/low_rank.hpp"

#include <ATen/Functions.h>

namespace kvhost {

void add_low_rank(const LowRank& change, const at::Tensor& x, at::Tensor& out) {
  if (!change.down.defined()) return;
  const at::Tensor narrow = x.to(at::kFloat).matmul(change.down.t());
  out.add_(narrow.matmul(change.up.t()).to(out.scalar_type()));
}

}  // namespace kvhost
