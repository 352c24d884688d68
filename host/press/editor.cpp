// SPDX-License-Identifier: Apache-2.0
#include "press/editor.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/scalar_type.hpp"

namespace kvhost {
namespace {

template <class T>
std::vector<T*> pointers(std::vector<Fenced<T>>& rows) {
  std::vector<T*> result;
  for (auto& row : rows) result.push_back(row.data());
  return result;
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
    : stage_(stage), cache_(cache), layer_(data.layer()) {
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
  data.call("edit()", press, state.press(), [&](const kvh_layer& frame, kvh_error* error) {
    return press.functions<kvh_press>()->edit(
        press.get(), state.press().get(), &frame, &call, error);
  });
  check_fences();
  check_finite(values_, "value");
  check_finite(keys_, "key");
  check_positions(data.n_seen());
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
}

// Of what goes into the cache, as its dtype will hold it.
void Editor::check_finite(const std::vector<Fenced<float>>& rows, const char* what) const {
  const int64_t head_dim = cache_.layout().head_dim;
  const double largest = largest_of(cache_.layout().dtype);
  for (size_t h = 0; h < rows.size(); ++h)
    for (size_t i = 0; i < rows[h].size(); ++i)
      if (!(std::abs(rows[h][i]) <= largest))
        stage_.press()->refuse("edit()",
                               layer_,
                               std::string("wrote a ") + what + " of kept entry " +
                                   std::to_string(static_cast<int64_t>(i) / head_dim) +
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
}

}  // namespace kvhost
