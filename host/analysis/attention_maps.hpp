// SPDX-License-Identifier: Apache-2.0
// The attention of a model over one text, layer by layer: every query, every head.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/context.hpp"
#include "engine/model.hpp"

namespace at {
class Tensor;
}

namespace kvhost::analysis {

// maps: [n_heads, T, T] float32, post-softmax, causal.
using MapSink = std::function<void(int64_t layer, const at::Tensor& maps)>;

// Reads `tokens` once and shows each layer's maps in layer order; O(n_heads T^2) memory. Throws
// Error(Interrupted) once `context` is cancelled.
void read_maps(const Model& model,
               std::span<const int32_t> tokens,
               const Context& context,
               const MapSink& sink);

}  // namespace kvhost::analysis
