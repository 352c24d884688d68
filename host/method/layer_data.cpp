// SPDX-License-Identifier: Apache-2.0
#include "method/layer_data.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <utility>

#include "base/error.hpp"
#include "kernels/attention.hpp"
#include "method/dense_attention.hpp"
#include "method/host_services.hpp"
#include "method/layer_part.hpp"
#include "method/whole_keys.hpp"

namespace kvhost {

struct LayerData::Frame {
  std::deque<std::vector<int64_t>> dims;  // shapes and strides
  std::deque<kvh_tensor> tensors;
  std::vector<kvh_head> heads;
  std::vector<const kvh_head*> head_pointers;
  std::vector<const kvh_tensor*> table = std::vector<const kvh_tensor*>(KVH_T_COUNT, nullptr);

  const int64_t* keep(std::vector<int64_t> values) {
    return dims.emplace_back(std::move(values)).data();
  }

  kvh_tensor view(void* data,
                  kvh_dtype dtype,
                  std::vector<int64_t> shape,
                  std::vector<int64_t> strides) {
    const auto ndim = static_cast<int32_t>(shape.size());
    return {data,
            {KVH_DEVICE_CPU, 0},
            ndim,
            dtype,
            keep(std::move(shape)),
            keep(std::move(strides)),
            0};
  }

  kvh_tensor view(const at::Tensor& tensor) {
    const auto code = tensor.scalar_type() == at::kBFloat16 ? KVH_DTYPE_BFLOAT : KVH_DTYPE_FLOAT;
    const kvh_dtype dtype = {
        static_cast<uint8_t>(code), static_cast<uint8_t>(8 * tensor.element_size()), 1};
    return view(tensor.data_ptr(), dtype, tensor.sizes().vec(), tensor.strides().vec());
  }

  void set(uint32_t id, kvh_tensor tensor) { table[id] = &tensors.emplace_back(tensor); }
};

struct LayerData::Shared {
  std::vector<HeadSpan> spans;
  std::vector<std::byte> whole_keys;       // where the cache holds pruned ones
  std::vector<std::vector<float>> window;  // per KV head [group_size, window_rows, n]
  int64_t window_rows = 0;
  at::Tensor attention, attention_mean;
  std::map<int64_t, std::vector<std::vector<float>>>
      sums;  // by window, per KV head [group_size, n]
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

std::unique_ptr<LayerData::Owned> LayerData::make_frame(const Instance& instance,
                                                        const SequenceState& state) {
  auto owned = std::make_unique<Owned>();
  owned->arrays = std::make_unique<Frame>();
  Frame& arrays = *owned->arrays;
  const int64_t d = inputs_.model->head_dim;
  const kvh_dtype dtype = inputs_.model->dtype;
  for (const auto& span : shared_->spans) {
    kvh_head head{};
    head.struct_size = sizeof(kvh_head);
    head.n_entries = span.n;
    head.keys = arrays.view(span.keys, dtype, {span.n, d}, {d, 1});
    head.values = arrays.view(span.values, dtype, {span.n, d}, {d, 1});
    head.positions = span.positions;
    arrays.heads.push_back(head);
  }
  if (n_entries_.front() == inputs_.n_seen && n_entries_.back() == inputs_.n_seen &&
      is_dense(shared_->spans, d, dtype)) {
    const int64_t n = n_entries_[0], heads = inputs_.model->n_kv_heads;
    arrays.set(KVH_T_KEYS,
               arrays.view(shared_->spans[0].keys, dtype, {heads, n, d}, {n * d, d, 1}));
    arrays.set(KVH_T_VALUES,
               arrays.view(shared_->spans[0].values, dtype, {heads, n, d}, {n * d, d, 1}));
  }
  for (const auto& need : instance.needs()) add_need(instance, need, *owned);
  for (const auto& head : arrays.heads) arrays.head_pointers.push_back(&head);

  LayerFrame& layer = owned->layer;
  layer.struct_size = sizeof(kvh_layer);
  layer.phase = inputs_.phase;
  layer.layer = static_cast<int32_t>(inputs_.layer);
  layer.n_kv_heads = inputs_.model->n_kv_heads;
  layer.n_seen = inputs_.n_seen;
  layer.q_len = inputs_.q_len;
  layer.kv_len = *std::max_element(n_entries_.begin(), n_entries_.end());
  layer.layer_budget = inputs_.layer_budget;
  layer.model = inputs_.model;
  layer.exec = inputs_.exec;
  layer.heads = arrays.head_pointers.data();
  layer.tensors = arrays.table.data();
  layer.n_tensors = KVH_T_COUNT;
  layer.sliding_window = inputs_.sliding_window;
  const bool reads_prompt =
      inputs_.phase == KVH_PHASE_PASS || instance.has_own_flag(KVH_METHOD_READS_PROMPT);
  layer.prompt = reads_prompt ? inputs_.prompt : nullptr;
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

void LayerData::add_window_attention(int64_t window, Owned& owned) {
  Frame& arrays = *owned.arrays;
  // The composition's largest window at once, so that frames handed out earlier stay valid.
  compute_window_attention(
      inputs_, shared_->spans, inputs_.window_rows, shared_->window, shared_->window_rows);
  const int64_t rows = shared_->window_rows, w = window <= 0 ? rows : std::min(window, rows);
  const int64_t group = inputs_.model->n_heads / inputs_.model->n_kv_heads;
  for (size_t h = 0; h < arrays.heads.size(); ++h) {
    const int64_t n = n_entries_[h];
    float* last = shared_->window[h].data() + (rows - w) * n;
    arrays.heads[h].window_attention = &arrays.tensors.emplace_back(
        arrays.view(last, {KVH_DTYPE_FLOAT, 32, 1}, {group, w, n}, {rows * n, n, 1}));
  }
}

void LayerData::add_attention_sum(int64_t window, Owned& owned) {
  Frame& arrays = *owned.arrays;
  auto& sums = shared_->sums[window];
  if (sums.empty()) compute_attention_sum(inputs_, shared_->spans, window, sums);
  const int64_t group = inputs_.model->n_heads / inputs_.model->n_kv_heads;
  for (size_t h = 0; h < arrays.heads.size(); ++h)
    arrays.heads[h].attention_sum = &arrays.tensors.emplace_back(arrays.view(
        sums[h].data(), {KVH_DTYPE_FLOAT, 32, 1}, {group, n_entries_[h]}, {n_entries_[h], 1}));
}

void LayerData::add_need(const Instance& instance, const kvh_need& need, Owned& owned) {
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
      return;
    case KVH_T_HIDDEN:
      if (!inputs_.hidden) break;
      return arrays.set(need.tensor, arrays.view(last_rows(*inputs_.hidden, 0)));
    case KVH_T_QUERY_WINDOW:
      if (!inputs_.queries) break;
      return arrays.set(need.tensor, arrays.view(last_rows(*inputs_.queries, 1)));
    case KVH_T_WINDOW_ATTENTION:
      if (!inputs_.queries) break;
      return add_window_attention(need.window, owned);
    case KVH_T_ATTENTION_SUM:
      if (!inputs_.queries) break;
      return add_attention_sum(need.window, owned);
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
      return arrays.set(need.tensor, arrays.view(cached));
    }
    case KVH_T_OUTPUT_WEIGHT:
      if (!inputs_.output_weight) break;
      return arrays.set(need.tensor, arrays.view(*inputs_.output_weight));
    default:
      break;
  }
  if (!optional) missing(instance, need);
}

void LayerData::score(const Instance& instance, const SequenceState& state, kvh_scores* out) {
  call("score()", instance, state, [&](const kvh_layer& layer, kvh_error* error) {
    return instance.interface<kvh_scorer>()->score(instance.get(), state.get(), &layer, out, error);
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
                                  kvh_scores* out,
                                  kvh_error* error) noexcept {
  try {
    score(inner, *parent.state->inner(), out);
    return KVH_OK;
  } catch (...) {
    return keep_inner(error);
  }
}

kvh_status LayerData::score_part(const Instance& inner,
                                 const LayerFrame& parent,
                                 const kvh_part& part,
                                 kvh_scores* out,
                                 kvh_error* error) noexcept {
  try {
    const LayerPart copy(inputs_, shared_->spans, part);
    LayerData data(copy.inputs(inner.window_of(KVH_T_WINDOW_ATTENTION)), copy.spans());
    data.score(inner, *parent.state->inner(), out);
    return KVH_OK;
  } catch (...) {
    return keep_inner(error);
  }
}

}  // namespace kvhost
