// SPDX-License-Identifier: Apache-2.0
// Low-rank changes of a model's matrices (LoRA, arXiv:2106.09685) for the tokens of one pass: the
// weights stay as they are, each product gets a second, small one beside it.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

namespace kvhost {

enum class ChangedRole { Query, Key, Value, Output, Gate, Up, Down };
constexpr size_t kChangedRoles = 7;

// Adds (x down^T) up^T to what a matrix makes of x.
struct LowRank {
  at::Tensor down;  // float32 [rank, n_in], or undefined: no change
  at::Tensor up;    // float32 [n_out, rank], any scale in it
};

struct LowRankLayer {
  std::array<LowRank, kChangedRoles> roles;
  const LowRank& of(ChangedRole role) const { return roles[static_cast<size_t>(role)]; }
};

struct LowRankChanges {
  std::vector<LowRankLayer> layers;  // [n_layers]
};

// out [n, n_out] of the model's dtype, from x [n, n_in]; in float32 in between, as trained.
void add_low_rank(const LowRank& change, const at::Tensor& x, at::Tensor& out);

}  // namespace kvhost
