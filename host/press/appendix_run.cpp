// SPDX-License-Identifier: Apache-2.0
#include "press/appendix_run.hpp"

#include <ATen/ATen.h>

#include <cstring>
#include <span>
#include <utility>

#include "base/error.hpp"
#include "base/scalar_type.hpp"
#include "model/forward.hpp"
#include "model/weights.hpp"

namespace kvhost {
namespace {

constexpr const char* kNames[kChangedRoles] = {
    "query", "key", "value", "output", "gate", "up", "down"};

// Null where the layer has none of its own.
const Matrix* matrix_of(const LayerWeights& layer, bool gated, uint32_t weight) {
  const bool fused = layer.qkv.weight.defined(), experts = !layer.experts.experts.empty();
  switch (weight) {
    case KVH_WEIGHT_QUERY:
      return fused ? nullptr : &layer.q.weight;
    case KVH_WEIGHT_KEY:
      return fused ? nullptr : &layer.k.weight;
    case KVH_WEIGHT_VALUE:
      return fused ? nullptr : &layer.v.weight;
    case KVH_WEIGHT_OUTPUT:
      return &layer.output.weight;
    case KVH_WEIGHT_GATE:
      return gated && !experts ? &layer.gate.weight : nullptr;
    case KVH_WEIGHT_UP:
      return experts ? nullptr : &layer.up.weight;
    default:
      return experts ? nullptr : &layer.down.weight;
  }
}

at::Tensor rows_of(const float* from, int64_t n, int64_t width) {
  return at::from_blob(const_cast<float*>(from), {n, width}, at::kFloat);
}

}  // namespace

LowRankChanges low_rank_changes(const Instance& method,
                                const kvh_appended& given,
                                const Weights& weights) {
  const ModelConfig& config = weights.config();
  LowRankChanges out;
  out.layers.resize(static_cast<size_t>(config.n_layers));
  for (const kvh_low_rank& change : std::span(given.changes, given.n_changes)) {
    const std::string where = "changes the " + std::string(kNames[change.weight]) +
                              " matrix of layer " + std::to_string(change.layer);
    if (change.layer < 0 || change.layer >= config.n_layers)
      method.refuse(
          "get()", -1, where + "; expected one of " + std::to_string(config.n_layers) + " layers");
    const auto l = static_cast<size_t>(change.layer);
    const Matrix* matrix = matrix_of(weights.tensors().layers[l], config.gated_mlp, change.weight);
    if (!matrix)
      method.refuse("get()", -1, where + ", where this model has none; expected another model");
    if (matrix->n_in() != change.n_in || matrix->n_out() != change.n_out)
      method.refuse("get()",
                    -1,
                    where + ", " + std::to_string(change.n_out) + " x " +
                        std::to_string(change.n_in) + "; expected " +
                        std::to_string(matrix->n_out()) + " x " + std::to_string(matrix->n_in()));
    out.layers[l].roles[change.weight] = {rows_of(change.down, change.rank, change.n_in),
                                          rows_of(change.up, change.n_out, change.rank)};
  }
  return out;
}

void AppendixRun::read(const Instance& method) {
  const kvh_appended given = appended_by(method);
  if (given.n_rows == 0) return;
  const Weights& weights = on_.decoder.weights();
  const LowRankChanges changes = low_rank_changes(method, given, weights);
  const at::Tensor rows = rows_of(given.rows, given.n_rows, weights.config().hidden_size)
                              .to(scalar_type(weights.dtype()));
  append();  // those of another method stand before
  const int64_t n = n_rows_ + given.n_rows;
  Stretch stretch;
  stretch.rows = &rows;
  stretch.changes = &changes;
  stretch.cache = &on_.cache;
  std::vector<Stretch> one;
  one.push_back(stretch);
  Forward pass(on_.decoder, std::move(one));
  while (pass.step([this](double) { check_cancelled(exec_); })) {
  }
  n_rows_ = n;
  layers_.resize(static_cast<size_t>(weights.config().n_layers));
  for (size_t l = 0; l < layers_.size(); ++l) take(static_cast<int64_t>(l), n, layers_[l]);
  on_.cache.truncate(on_.n_prompt);
}

void AppendixRun::take(int64_t layer, int64_t n, Held& to) const {
  const CacheLayout& layout = on_.cache.layout();
  const auto bytes = static_cast<size_t>(n * layout.head_dim * element_size(layout.dtype));
  to.keys.resize(bytes * static_cast<size_t>(layout.n_kv_heads));
  to.values.resize(to.keys.size());
  for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
    const HeadSpan head = on_.cache.head(layer, h);
    const auto first = static_cast<size_t>(head.n - n) * (bytes / static_cast<size_t>(n));
    const auto at = static_cast<size_t>(h) * bytes;
    std::memcpy(to.keys.data() + at, static_cast<const std::byte*>(head.keys) + first, bytes);
    std::memcpy(to.values.data() + at, static_cast<const std::byte*>(head.values) + first, bytes);
  }
}

void AppendixRun::put(int64_t layer, const Held& from) {
  const CacheLayout& layout = on_.cache.layout();
  const int64_t row = layout.head_dim * element_size(layout.dtype);
  const auto bytes = static_cast<size_t>(n_rows_ * row);
  const std::vector<int64_t> first = on_.cache.append(layer, n_rows_, on_.n_prompt);
  for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
    const HeadSpan head = on_.cache.head(layer, h);
    const int64_t entry = first[static_cast<size_t>(h)];
    const auto at = static_cast<size_t>(h) * bytes;
    std::memcpy(static_cast<std::byte*>(head.keys) + (entry - head.pruned.n) * row,
                from.keys.data() + at,
                bytes);
    std::memcpy(static_cast<std::byte*>(head.values) + entry * row, from.values.data() + at, bytes);
  }
}

void AppendixRun::append() {
  if (n_rows_ == 0) return;
  for (size_t l = 0; l < layers_.size(); ++l) put(static_cast<int64_t>(l), layers_[l]);
  on_.cache.advance(n_rows_);
  layers_.clear();
}

}  // namespace kvhost
