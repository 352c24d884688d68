// SPDX-License-Identifier: Apache-2.0
#include "method/layer_data.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <initializer_list>
#include <map>
#include <span>
#include <utility>

#include "base/error.hpp"
#include "kernels/attention.hpp"
#include "kvhost/spread.h"
#include "method/dense_attention.hpp"
#include "method/host_services.hpp"
#include "method/layer_part.hpp"
#include "method/whole_keys.hpp"
#include "model/spread_queries.hpp"

namespace kvhost {

// Room is made once, by how many heads and needs there are: pointers into it stay, and a frame takes
// half a dozen allocations, not one for every shape.
struct LayerData::Frame {
  static constexpr size_t kMostAxes = 3;
  std::vector<std::array<int64_t, kMostAxes>> dims;  // shapes and strides
  std::vector<kvh_tensor> tensors;
  std::vector<kvh_head> heads;
  std::vector<const kvh_head*> head_pointers;
  size_t n_needs = 0;
  // By tensor and by need: of the layer first, then of every head.
  std::vector<const kvh_tensor*> by_id, by_need;

  void make_tables(size_t n_heads, size_t n) {
    n_needs = n;
    const size_t n_tensors = 2 + n * (n_heads + 1);  // dense keys and values; each need of each head
    tensors.reserve(n_tensors);
    dims.reserve(2 * (n_tensors + 2 * n_heads));
    heads.reserve(n_heads);
    head_pointers.reserve(n_heads);
    by_id.assign((n_heads + 1) * KVH_T_COUNT, nullptr);
    by_need.assign((n_heads + 1) * n, nullptr);
  }

  const int64_t* keep(std::span<const int64_t> values) {
    if (dims.size() == dims.capacity() || values.size() > kMostAxes)
      run_failed("frame", "has no room for another shape; expected as many as its needs say");
    auto& kept = dims.emplace_back();
    std::copy(values.begin(), values.end(), kept.begin());
    return kept.data();
  }

  kvh_tensor view(void* data,
                  kvh_dtype dtype,
                  std::span<const int64_t> shape,
                  std::span<const int64_t> strides) {
    const auto ndim = static_cast<int32_t>(shape.size());
    return {data, {KVH_DEVICE_CPU, 0}, ndim, dtype, keep(shape), keep(strides), 0};
  }
  kvh_tensor view(void* data,
                  kvh_dtype dtype,
                  std::initializer_list<int64_t> shape,
                  std::initializer_list<int64_t> strides) {
    return view(data,
                dtype,
                std::span<const int64_t>(shape.begin(), shape.size()),
                std::span<const int64_t>(strides.begin(), strides.size()));
  }

  kvh_tensor view(const at::Tensor& tensor) {
    const auto code = tensor.scalar_type() == at::kBFloat16 ? KVH_DTYPE_BFLOAT : KVH_DTYPE_FLOAT;
    const kvh_dtype dtype = {
        static_cast<uint8_t>(code), static_cast<uint8_t>(8 * tensor.element_size()), 1};
    const auto sizes = tensor.sizes(), strides = tensor.strides();
    return view(tensor.data_ptr(),
                dtype,
                std::span<const int64_t>(sizes.data(), sizes.size()),
                std::span<const int64_t>(strides.data(), strides.size()));
  }

  void set(uint32_t id, kvh_tensor tensor) { by_id[id] = &tensors.emplace_back(tensor); }
  // Answers a need: of the layer (place 0) or of head place - 1.
  void give(size_t place, size_t need, uint32_t id, kvh_tensor tensor) {
    const kvh_tensor* kept = &tensors.emplace_back(tensor);
    by_need[place * n_needs + need] = kept;
    const kvh_tensor*& first = by_id[place * KVH_T_COUNT + id];
    if (!first) first = kept;
  }
};

struct LayerData::Shared {
  std::vector<HeadSpan> spans;
  std::vector<std::byte> whole_keys;       // where the cache holds pruned ones
  std::vector<std::vector<float>> window;  // per KV head [group_size, window_rows, n]
  int64_t window_rows = 0;
  at::Tensor attention, attention_mean;
  std::map<int64_t, std::vector<std::vector<float>>>
      sums;  // by window, per KV head [group_size, n]
  std::map<int64_t, at::Tensor> spread;  // queries [n_heads, n, head_dim], by n
};

namespace {

// Heads of equal length, one directly after the other: [n_kv_heads, n, d] in one piece.
bool is_dense(const std::vector<HeadSpan>& spans, int64_t d, kvh_dtype dtype) {
  const int64_t n = spans[0].n, bytes = n * d * dtype.bits / 8;
  for (size_t h = 0; h < spans.size(); ++h) {
    const auto offset = static_cast<int64_t>(h) * bytes;
    if (spans[h].n != n || spans[h].keys != static_cast<char*>(spans[0].keys) + offset ||
        spans[h].values != static_cast<char*>(spans[0].values) + offset)
      return false;
  }
  return true;
}

}  // namespace

namespace {
thread_local const LayerFrame* shown_frame = nullptr;
}

ShownFrame::ShownFrame(const LayerFrame& frame) : outer_(std::exchange(shown_frame, &frame)) {}
ShownFrame::~ShownFrame() { shown_frame = outer_; }
const LayerFrame* ShownFrame::innermost() { return shown_frame; }

LayerData::Owned::Owned() = default;
LayerData::Owned::~Owned() = default;

LayerData::LayerData(const LayerInputs& inputs, std::vector<HeadSpan> spans)
    : inputs_(inputs), shared_(std::make_unique<Shared>()) {
  shared_->spans = std::move(spans);
  for (const auto& span : shared_->spans) n_entries_.push_back(span.n);
}

LayerData::LayerData(const LayerInputs& inputs)
    : inputs_(inputs), shared_(std::make_unique<Shared>()) {
  shared_->spans = whole_spans(*inputs.cache, inputs.layer, shared_->whole_keys);
  for (const auto& span : shared_->spans) n_entries_.push_back(span.n);
}

LayerData::~LayerData() = default;

void LayerData::add_heads(const Instance& instance, Owned& owned) {
  Frame& arrays = *owned.arrays;
  const kvh_layer_shape& shape = *inputs_.model->layers[inputs_.layer];
  const int64_t d = shape.key_dim, n_heads = std::ssize(shared_->spans);
  const kvh_dtype dtype = inputs_.model->dtype;
  arrays.make_tables(static_cast<size_t>(n_heads), instance.needs().size());
  for (size_t h = 0; h < shared_->spans.size(); ++h) {
    const HeadSpan& span = shared_->spans[h];
    kvh_head head{};
    head.struct_size = sizeof(kvh_head);
    head.n_entries = span.n;
    head.keys = arrays.view(span.keys, dtype, {span.n, d}, {d, 1});
    head.values = arrays.view(span.values, dtype, {span.n, d}, {d, 1});
    head.positions = span.positions;
    head.tensors = arrays.by_id.data() + (h + 1) * KVH_T_COUNT;
    head.needs = arrays.by_need.data() + (h + 1) * arrays.n_needs;
    head.n_tensors = KVH_T_COUNT;
    head.n_needs = static_cast<uint32_t>(arrays.n_needs);
    arrays.heads.push_back(head);
  }
  for (const auto& head : arrays.heads) arrays.head_pointers.push_back(&head);
  const int64_t n = n_entries_[0];
  if (n != inputs_.n_seen || n_entries_.back() != n || !is_dense(shared_->spans, d, dtype)) return;
  arrays.set(KVH_T_KEYS,
             arrays.view(shared_->spans[0].keys, dtype, {n_heads, n, d}, {n * d, d, 1}));
  arrays.set(KVH_T_VALUES,
             arrays.view(shared_->spans[0].values, dtype, {n_heads, n, d}, {n * d, d, 1}));
}

std::unique_ptr<LayerData::Owned> LayerData::make_frame(const Instance& instance,
                                                        const SequenceState& state) {
  static std::atomic<uintptr_t> n_frames{0};
  auto owned = std::make_unique<Owned>();
  owned->arrays = std::make_unique<Frame>();
  Frame& arrays = *owned->arrays;
  add_heads(instance, *owned);
  for (size_t i = 0; i < instance.needs().size(); ++i) add_need(instance, i, *owned);

  LayerFrame& layer = owned->layer;
  layer.struct_size = sizeof(kvh_layer);
  layer.phase = inputs_.phase;
  layer.layer = static_cast<int32_t>(inputs_.layer);
  layer.n_kv_heads = static_cast<int32_t>(arrays.heads.size());
  layer.n_seen = inputs_.n_seen;
  layer.q_len = inputs_.q_len;
  layer.kv_len = *std::max_element(n_entries_.begin(), n_entries_.end());
  layer.n_prompt = inputs_.n_prompt;
  layer.layer_budget = inputs_.layer_budget;
  layer.total_entries = inputs_.total_entries;
  layer.keep_ratio = inputs_.keep_ratio;
  layer.model = inputs_.model;
  layer.shape = inputs_.model->layers[inputs_.layer];
  layer.exec = inputs_.exec;
  const bool reads_prompt =
      inputs_.phase == KVH_PHASE_PASS || instance.has_own_flag(KVH_METHOD_READS_PROMPT);
  layer.prompt = reads_prompt ? inputs_.prompt : nullptr;
  layer.heads = arrays.head_pointers.data();
  layer.tensors = arrays.by_id.data();
  layer.needs = arrays.by_need.data();
  layer.n_tensors = KVH_T_COUNT;
  layer.n_needs = static_cast<uint32_t>(arrays.n_needs);
  layer.impl = reinterpret_cast<void*>(++n_frames);
  layer.data = this;
  layer.state = &state;
  return owned;
}

void LayerData::missing(const Instance& instance, const kvh_need& need) const {
  static constexpr const char* names[] = {"keys",
                                          "values",
                                          "hidden states",
                                          "a query window",
                                          "window attention",
                                          "mean attention",
                                          "attention",
                                          "the output weight",
                                          "sums of attention"};
  static_assert(std::size(names) == KVH_T_COUNT);
  run_failed(instance.name() + ", layer " + std::to_string(inputs_.layer),
             std::string("needs ") +
                 (need.tensor < KVH_T_COUNT ? names[need.tensor] : "an unknown tensor") +
                 ", which cannot be had " +
                 (inputs_.phase == KVH_PHASE_DECODE ? "while generating" : "here") +
                 "; expected a method that does without");
}

void LayerData::add_window_attention(size_t need, int64_t window, Owned& owned) {
  Frame& arrays = *owned.arrays;
  // The composition's largest window at once, so that frames handed out earlier stay valid.
  compute_window_attention(
      inputs_, shared_->spans, inputs_.window_rows, shared_->window, shared_->window_rows);
  const int64_t rows = shared_->window_rows, w = window <= 0 ? rows : std::min(window, rows);
  const int64_t group = inputs_.model->n_heads / inputs_.model->n_kv_heads;
  for (size_t h = 0; h < arrays.heads.size(); ++h) {
    const int64_t n = n_entries_[h];
    float* last = shared_->window[h].data() + (rows - w) * n;
    arrays.give(h + 1,
                need,
                KVH_T_WINDOW_ATTENTION,
                arrays.view(last, {KVH_DTYPE_FLOAT, 32, 1}, {group, w, n}, {rows * n, n, 1}));
  }
}

void LayerData::add_attention_sum(size_t need, int64_t window, Owned& owned) {
  Frame& arrays = *owned.arrays;
  auto& sums = shared_->sums[window];
  if (sums.empty()) compute_attention_sum(inputs_, shared_->spans, window, sums);
  const int64_t group = inputs_.model->n_heads / inputs_.model->n_kv_heads;
  for (size_t h = 0; h < arrays.heads.size(); ++h)
    arrays.give(
        h + 1,
        need,
        KVH_T_ATTENTION_SUM,
        arrays.view(
            sums[h].data(), {KVH_DTYPE_FLOAT, 32, 1}, {group, n_entries_[h]}, {n_entries_[h], 1}));
}

bool LayerData::add_spread_queries(size_t need, int64_t n, Owned& owned) {
  if (inputs_.phase == KVH_PHASE_DECODE) return false;
  at::Tensor& rows = shared_->spread[n];
  if (!rows.defined() && inputs_.queries && inputs_.queries->size(1) == inputs_.q_len)
    rows = spread_rows(*inputs_.queries, n);
  if (!rows.defined() && inputs_.spread) rows = spread_rows(*inputs_.spread, n, inputs_.q_len);
  if (!rows.defined()) return false;
  Frame& arrays = *owned.arrays;
  arrays.give(0, need, KVH_T_QUERY_WINDOW, arrays.view(rows));
  return true;
}

// Here and now, whether or not it can be met.
bool LayerData::is_shown(const Instance& instance, const kvh_need& need) const {
  const bool here = need.layer_stride <= 1 || inputs_.layer % need.layer_stride == 0;
  return here && instance.is_wanted(need) && (!need.phases || (need.phases >> inputs_.phase & 1));
}

void LayerData::add_need(const Instance& instance, size_t index, Owned& owned) {
  const kvh_need& need = instance.needs()[index];
  if (!is_shown(instance, need)) return;
  Frame& arrays = *owned.arrays;
  const bool optional = need.flags & KVH_NEED_OPTIONAL;
  const auto last_rows = [&](const at::Tensor& tensor, int64_t dim) {
    const int64_t rows =
        need.window <= 0 ? tensor.size(dim) : std::min(need.window, tensor.size(dim));
    return tensor.narrow(dim, tensor.size(dim) - rows, rows);
  };
  switch (need.tensor) {
    case KVH_T_KEYS:
    case KVH_T_VALUES:
      arrays.by_need[index] = arrays.by_id[need.tensor];
      return;
    case KVH_T_HIDDEN:
      if (!inputs_.hidden) break;
      return arrays.give(0, index, need.tensor, arrays.view(last_rows(*inputs_.hidden, 0)));
    case KVH_T_QUERY_WINDOW:
      if (need.flags & KVH_NEED_SPREAD) {
        if (add_spread_queries(index, need.window, owned)) return;
        break;
      }
      if (!inputs_.queries) break;
      return arrays.give(0, index, need.tensor, arrays.view(last_rows(*inputs_.queries, 1)));
    case KVH_T_WINDOW_ATTENTION:
      if (!inputs_.queries) break;
      return add_window_attention(index, need.window, owned);
    case KVH_T_ATTENTION_SUM:
      if (!inputs_.queries) break;
      return add_attention_sum(index, need.window, owned);
    case KVH_T_ATTENTION_MEAN:
    case KVH_T_ATTENTION: {
      if (inputs_.phase != KVH_PHASE_PREFILL || !inputs_.queries ||
          inputs_.queries->size(1) != n_entries_[0])
        break;
      at::Tensor& cached =
          need.tensor == KVH_T_ATTENTION ? shared_->attention : shared_->attention_mean;
      if (!cached.defined())
        cached = dense_attention(
            inputs_, shared_->spans, /*mean_over_heads=*/need.tensor == KVH_T_ATTENTION_MEAN);
      return arrays.give(0, index, need.tensor, arrays.view(cached));
    }
    case KVH_T_OUTPUT_WEIGHT:
      if (!inputs_.output_weight) break;
      return arrays.give(0, index, need.tensor, arrays.view(*inputs_.output_weight));
    default:
      break;
  }
  if (!optional) missing(instance, need);
}

void LayerData::score(const Instance& instance, const SequenceState& state, kvh_scores* out) {
  call("score()", instance, state, [&](const kvh_layer& layer, kvh_error* error) {
    return instance.functions<kvh_scorer>()->score(instance.get(), state.get(), &layer, out, error);
  });
}

kvh_status LayerData::keep_inner(kvh_error* error) noexcept {
  inner_ = std::current_exception();
  try {
    throw;
  } catch (const Error& e) {
    std::snprintf(error->message, sizeof error->message, "%s", e.what());
    return error->code = e.code() == ExitCode::Interrupted ? KVH_E_CANCELLED : KVH_E_INTERNAL;
  } catch (const std::exception& e) {
    std::snprintf(error->message, sizeof error->message, "%s", e.what());
    return error->code = KVH_E_INTERNAL;
  }
}

void LayerData::rethrow_inner() {
  if (inner_) std::rethrow_exception(std::exchange(inner_, nullptr));
}

kvh_status LayerData::score_inner(const Instance& inner,
                                  const LayerFrame& parent,
                                  int64_t layer_budget,
                                  kvh_scores* out,
                                  kvh_error* error) noexcept {
  const int64_t own_budget = std::exchange(inputs_.layer_budget, layer_budget);
  kvh_status status = KVH_OK;
  try {
    score(inner, parent.state->of(inner), out);
  } catch (...) {
    status = keep_inner(error);
  }
  inputs_.layer_budget = own_budget;
  return status;
}

kvh_status LayerData::score_part(const Instance& inner,
                                 const LayerFrame& parent,
                                 const kvh_part& part,
                                 kvh_scores* out,
                                 kvh_error* error) noexcept {
  try {
    const LayerPart copy(inputs_, shared_->spans, part);
    LayerData data(copy.inputs(inner.window_of(KVH_T_WINDOW_ATTENTION)), copy.spans());
    data.score(inner, parent.state->of(inner), out);
    return KVH_OK;
  } catch (...) {
    return keep_inner(error);
  }
}

}  // namespace kvhost
