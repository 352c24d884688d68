// SPDX-License-Identifier: Apache-2.0
#include "press/editor.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/scalar_type.hpp"
#include "kvhost/layout_parts.h"
#include "method/extension.hpp"

namespace kvhost {
namespace {

template <class T>
std::vector<T*> pointers(std::vector<Fenced<T>>& rows) {
  std::vector<T*> result;
  for (auto& row : rows) result.push_back(row.data());
  return result;
}

const kvh_bias_press* biases_of(const Instance& press) {
  const auto* table =
      extension_of<kvh_bias_press>(press, KVH_EXT_BIAS, KVH_BIAS_PRESS_SIZE_1_0);
  if (table && !table->edit)
    cannot_load(press.name(), "its " KVH_EXT_BIAS " lacks a function; expected edit");
  return table;
}

double largest_of(DType dtype) {
  switch (dtype) {
    case DType::BFloat16:
      return 3.3895313892515355e38;
    case DType::Float16:
      return 65504;
    default:
      return std::numeric_limits<float>::max();
  }
}

at::Tensor rows_of(const KvCache& cache, int64_t layer, int64_t head, bool keys) {
  const HeadSpan span = cache.head(layer, head);
  const auto options = at::TensorOptions().dtype(scalar_type(cache.layout().dtype));
  return at::from_blob(keys ? span.keys : span.values, {span.n, cache.layout().head_dim}, options);
}

}  // namespace

KeepRows::KeepRows(const KeepPlan& keep) {
  for (const auto& head : keep.heads) {
    rows.push_back(head.data());
    lengths.push_back(static_cast<int64_t>(head.size()));
  }
}

Editor::Editor(const Stage& stage,
               StageState& state,
               KvCache& cache,
               LayerData& data,
               const KeepPlan& keep,
               const LayerScores& scores)
    : stage_(stage),
      cache_(cache),
      layer_(data.layer()),
      with_biases_(biases_of(*stage.press())) {
  const Instance& press = *stage.press();
  if (press.has_own_flag(KVH_METHOD_EDITS_VALUES)) values_ = copy_out(keep, /*keys=*/false);
  if (press.has_own_flag(KVH_METHOD_EDITS_KEYS)) keys_ = copy_out(keep, /*keys=*/true);
  if (press.has_own_flag(KVH_METHOD_EDITS_POSITIONS))
    for (size_t h = 0; h < keep.heads.size(); ++h) {
      const int32_t* held = cache.head(layer_, static_cast<int64_t>(h)).positions;
      Fenced<int32_t>& positions = positions_.emplace_back(keep.heads[h].size(), 0);
      for (size_t i = 0; i < positions.size(); ++i) positions[i] = held[keep.heads[h][i]];
    }
  if (press.has_own_flag(KVH_METHOD_PRUNES_CHANNELS))
    channels_.assign(keep.heads.size(),
                     Fenced<uint8_t>(static_cast<size_t>(cache.layout().head_dim), 1));
  if (with_biases_) copy_biases(keep);
  const KeepRows kept(keep);
  const auto values = pointers(values_), keys = pointers(keys_);
  const auto positions = pointers(positions_);
  const auto channels = pointers(channels_);
  std::vector<const float*> score_rows;
  for (const auto& row : scores.scores) score_rows.push_back(row.data());
  kvh_edit edit{sizeof(kvh_edit),
                static_cast<int32_t>(kept.rows.size()),
                kept.lengths.data(),
                kept.rows.data(),
                values.empty() ? nullptr : values.data(),
                keys.empty() ? nullptr : keys.data(),
                positions.empty() ? nullptr : positions.data(),
                score_rows.empty() ? nullptr : score_rows.data(),
                channels.empty() ? nullptr : channels.data()};
  call(data, state, edit);
  check_fences();
  const double largest = largest_of(cache.layout().dtype);  // as the cache will hold it
  check_finite(values_, cache.layout().head_dim, largest, "value");
  check_finite(keys_, cache.layout().head_dim, largest, "key");
  check_finite(biases_, /*width=*/1, std::numeric_limits<float>::max(), "bias");
  check_positions(data.n_seen());
}

void Editor::call(LayerData& data, StageState& state, kvh_edit& edit) {
  const Instance& press = *stage_.press();
  std::vector<const float*> held;
  for (const auto& row : held_biases_) held.push_back(row.data());
  const auto kept = pointers(biases_);
  kvh_biases biases{sizeof(kvh_biases),
                    edit.n_kv_heads,
                    held.empty() ? nullptr : held.data(),
                    kept.data()};
  data.call("edit()", press, state.press(), [&](const kvh_layer& frame, kvh_error* error) {
    kvh_sequence* sequence = state.press().get();
    return with_biases_
               ? with_biases_->edit(press.get(), sequence, &frame, &edit, &biases, error)
               : press.functions<kvh_press>()->edit(press.get(), sequence, &frame, &edit, error);
  });
}

// What all entries add, where any does, and what of it belongs to kept ones.
void Editor::copy_biases(const KeepPlan& keep) {
  bool any = false;
  for (size_t h = 0; h < keep.heads.size(); ++h) {
    const HeadSpan span = cache_.head(layer_, static_cast<int64_t>(h));
    std::vector<float>& held = held_biases_.emplace_back(static_cast<size_t>(span.n), 0.0f);
    std::copy_n(span.bias.rows, span.bias.n, held.begin());
    any = any || span.bias.n > 0;
    Fenced<float>& kept = biases_.emplace_back(keep.heads[h].size(), 0.0f);
    for (size_t i = 0; i < kept.size(); ++i)
      kept[i] = held[static_cast<size_t>(keep.heads[h][i])];
  }
  if (!any) held_biases_.clear();
}

void Editor::check_fences() const {
  const auto check = [this](const auto& rows, const char* what) {
    for (const auto& row : rows)
      stage_.press()->check_fence("edit()", layer_, row.broken(), what);
  };
  check(values_, "values");
  check(keys_, "keys");
  check(positions_, "positions");
  check(channels_, "channels");
  check(biases_, "biases");
}

void Editor::check_finite(const std::vector<Fenced<float>>& rows,
                          int64_t width,
                          double largest,
                          const char* what) const {
  for (size_t h = 0; h < rows.size(); ++h)
    for (size_t i = 0; i < rows[h].size(); ++i)
      if (!(std::abs(rows[h][i]) <= largest))
        stage_.press()->refuse("edit()",
                               layer_,
                               std::string("wrote a ") + what + " of kept entry " +
                                   std::to_string(static_cast<int64_t>(i) / width) +
                                   " in KV head " + std::to_string(h) +
                                   " that the cache cannot hold (" + std::to_string(rows[h][i]) +
                                   "); expected finite numbers of its dtype");
}

void Editor::check_positions(int64_t n_seen) const {
  for (size_t h = 0; h < positions_.size(); ++h) {
    int32_t last = -1;
    for (const int32_t position : positions_[h]) {
      if (position <= last)
        run_failed(stage_.press()->name() + ", layer " + std::to_string(layer_),
                   "gave KV head " + std::to_string(h) + " the position " +
                       std::to_string(position) + " after " + std::to_string(last) +
                       "; expected ascending positions from 0 on");
      if (position >= n_seen)
        stage_.press()->refuse("edit()",
                               layer_,
                               "gave KV head " + std::to_string(h) + " the position " +
                                   std::to_string(position) + "; expected at most " +
                                   std::to_string(n_seen - 1) + ", that of the last token seen");
      last = position;
    }
  }
}

std::vector<Fenced<float>> Editor::copy_out(const KeepPlan& keep, bool keys) const {
  if (keys && cache_.head(layer_, 0).pruned.n > 0)
    run_failed(stage_.press()->name() + ", layer " + std::to_string(layer_),
               "rewrites keys of which some channels were pruned before; expected the method that "
               "prunes channels last");
  std::vector<Fenced<float>> result;
  for (size_t h = 0; h < keep.heads.size(); ++h) {
    auto indices = keep.heads[h];
    const auto n_kept = static_cast<int64_t>(indices.size());
    const at::Tensor index = at::from_blob(indices.data(), {n_kept}, at::kInt);
    const at::Tensor rows = rows_of(cache_, layer_, static_cast<int64_t>(h), keys)
                                .index_select(0, index)
                                .to(at::kFloat);  // -> [n_kept, head_dim]
    result.emplace_back(static_cast<size_t>(rows.numel()), 0.0f);
    std::copy_n(rows.const_data_ptr<float>(), rows.numel(), result.back().data());
  }
  return result;
}

void Editor::copy_in(const std::vector<Fenced<float>>& rows, bool keys) const {
  for (size_t h = 0; h < rows.size(); ++h) {
    at::Tensor target = rows_of(cache_, layer_, static_cast<int64_t>(h), keys);
    target.copy_(at::from_blob(const_cast<float*>(rows[h].data()), target.sizes(), at::kFloat));
  }
}

ChannelPlan Editor::kept_channels() const {
  ChannelPlan plan;
  for (const auto& flags : channels_) {
    plan.heads.emplace_back();
    for (size_t c = 0; c < flags.size(); ++c)
      if (flags[c]) plan.heads.back().push_back(static_cast<int32_t>(c));
    if (plan.heads.back().empty() || plan.heads.back().size() != plan.heads[0].size())
      run_failed(stage_.press()->name() + ", layer " + std::to_string(layer_),
                 "keeps " + std::to_string(plan.heads.back().size()) + " key channels in KV head " +
                     std::to_string(plan.heads.size() - 1) +
                     "; expected as many as in KV head 0 (" + std::to_string(plan.heads[0].size()) +
                     "), and at least one");
  }
  return plan;
}

void Editor::store() const {
  copy_in(values_, /*keys=*/false);
  copy_in(keys_, /*keys=*/true);
  for (size_t h = 0; h < positions_.size(); ++h)
    cache_.set_positions(
        layer_, static_cast<int64_t>(h), {positions_[h].begin(), positions_[h].end()});
  if (!channels_.empty()) cache_.prune_channels(layer_, kept_channels());
  if (!with_biases_) return;
  std::vector<std::vector<float>> biases;
  for (const auto& row : biases_) biases.emplace_back(row.begin(), row.end());
  cache_.set_biases(layer_, biases);
}

}  // namespace kvhost
