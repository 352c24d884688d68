// SPDX-License-Identifier: Apache-2.0
#include "press/editor.hpp"

#include <ATen/ATen.h>

#include "base/error.hpp"
#include "base/scalar_type.hpp"

namespace kvhost {
namespace {

template <class T>
std::vector<T*> pointers(std::vector<std::vector<T>>& rows) {
  std::vector<T*> result;
  for (auto& row : rows) result.push_back(row.data());
  return result;
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
    : stage_(stage), cache_(cache), layer_(data.layer()) {
  const Instance& press = *stage.press();
  if (press.has_own_flag(KVH_METHOD_EDITS_VALUES)) values_ = copy_out(keep, /*keys=*/false);
  if (press.has_own_flag(KVH_METHOD_EDITS_KEYS)) keys_ = copy_out(keep, /*keys=*/true);
  if (press.has_own_flag(KVH_METHOD_EDITS_POSITIONS))
    for (size_t h = 0; h < keep.heads.size(); ++h) {
      const int32_t* held = cache.head(layer_, static_cast<int64_t>(h)).positions;
      positions_.emplace_back();
      for (const int32_t entry : keep.heads[h]) positions_.back().push_back(held[entry]);
    }
  if (press.has_own_flag(KVH_METHOD_PRUNES_CHANNELS))
    channels_.assign(keep.heads.size(),
                     std::vector<uint8_t>(static_cast<size_t>(cache.layout().head_dim), 1));
  const KeepRows kept(keep);
  const auto values = pointers(values_), keys = pointers(keys_);
  const auto positions = pointers(positions_);
  const auto channels = pointers(channels_);
  std::vector<const float*> score_rows;
  for (const auto& row : scores.scores) score_rows.push_back(row.data());
  kvh_edit call{sizeof(kvh_edit),
                static_cast<int32_t>(kept.rows.size()),
                kept.lengths.data(),
                kept.rows.data(),
                values.empty() ? nullptr : values.data(),
                keys.empty() ? nullptr : keys.data(),
                positions.empty() ? nullptr : positions.data(),
                score_rows.empty() ? nullptr : score_rows.data(),
                channels.empty() ? nullptr : channels.data()};
  data.call(press, state.press(), [&](const kvh_layer& frame, kvh_error* error) {
    return press.interface<kvh_press>()->edit(
        press.get(), state.press().get(), &frame, &call, error);
  });
  check_positions();
}

void Editor::check_positions() const {
  for (size_t h = 0; h < positions_.size(); ++h) {
    int32_t last = -1;
    for (const int32_t position : positions_[h]) {
      if (position <= last)
        run_failed(stage_.press()->name() + ", layer " + std::to_string(layer_),
                   "gave KV head " + std::to_string(h) + " the position " +
                       std::to_string(position) + " after " + std::to_string(last) +
                       "; expected ascending positions from 0 on");
      last = position;
    }
  }
}

std::vector<std::vector<float>> Editor::copy_out(const KeepPlan& keep, bool keys) const {
  if (keys && cache_.head(layer_, 0).pruned.n > 0)
    run_failed(stage_.press()->name() + ", layer " + std::to_string(layer_),
               "rewrites keys of which some channels were pruned before; expected the method that "
               "prunes channels last");
  std::vector<std::vector<float>> result;
  for (size_t h = 0; h < keep.heads.size(); ++h) {
    auto indices = keep.heads[h];
    const auto n_kept = static_cast<int64_t>(indices.size());
    const at::Tensor index = at::from_blob(indices.data(), {n_kept}, at::kInt);
    const at::Tensor rows = rows_of(cache_, layer_, static_cast<int64_t>(h), keys)
                                .index_select(0, index)
                                .to(at::kFloat);  // -> [n_kept, head_dim]
    result.emplace_back(rows.data_ptr<float>(), rows.data_ptr<float>() + rows.numel());
  }
  return result;
}

void Editor::copy_in(const std::vector<std::vector<float>>& rows, bool keys) const {
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
    cache_.set_positions(layer_, static_cast<int64_t>(h), positions_[h]);
  if (!channels_.empty()) cache_.prune_channels(layer_, kept_channels());
}

}  // namespace kvhost
