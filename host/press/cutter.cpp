// SPDX-License-Identifier: Apache-2.0
#include "press/cutter.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "base/scalar_type.hpp"
#include "base/stopwatch.hpp"
#include "kernels/select.hpp"
#include "press/budget.hpp"

namespace kvhost {
namespace {

// The C form of LayerScores.
struct ScoresView {
  std::vector<float*> scores;
  std::vector<int8_t*> pins;
  kvh_scores c{};

  ScoresView(LayerScores& of, const std::vector<int64_t>& n_entries) {
    for (auto& row : of.scores) scores.push_back(row.data());
    for (auto& row : of.pins) pins.push_back(row.data());
    c = {sizeof(kvh_scores),
         static_cast<int32_t>(scores.size()),
         n_entries.data(),
         scores.data(),
         pins.data()};
  }
};

std::string layer_name(const Instance& instance, int64_t layer) {
  return instance.name() + ", layer " + std::to_string(layer);
}

void check_finite(const Instance& scorer, int64_t layer, const LayerScores& scores) {
  for (size_t h = 0; h < scores.scores.size(); ++h) {
    const auto& row = scores.scores[h];
    const int64_t bad = first_not_finite(row.data(), static_cast<int64_t>(row.size()));
    if (bad < 0) continue;
    run_failed(layer_name(scorer, layer),
               "the score of entry " + std::to_string(bad) + " in KV head " + std::to_string(h) +
                   " is not a finite number (or was not written); expected finite float32 "
                   "scores; are the model's keys finite?");
  }
}

std::vector<const int32_t*> row_pointers(const KeepPlan& keep) {
  std::vector<const int32_t*> rows;
  for (const auto& head : keep.heads) rows.push_back(head.data());
  return rows;
}

std::vector<int64_t> row_lengths(const KeepPlan& keep) {
  std::vector<int64_t> lengths;
  for (const auto& head : keep.heads) lengths.push_back(static_cast<int64_t>(head.size()));
  return lengths;
}

}  // namespace

int64_t LayerScores::bytes() const {
  int64_t total = 0;
  for (const auto& row : scores) total += static_cast<int64_t>(row.capacity() * sizeof(float));
  for (const auto& row : pins) total += static_cast<int64_t>(row.capacity());
  return total;
}

void LayerScores::gather(const KeepPlan& keep) {
  for (size_t h = 0; h < scores.size(); ++h) {
    const auto& kept = keep.heads[h];
    for (size_t i = 0; i < kept.size(); ++i) {
      scores[h][i] = scores[h][kept[i]];
      pins[h][i] = pins[h][kept[i]];
    }
    scores[h].resize(kept.size());
    pins[h].resize(kept.size());
    scores[h].shrink_to_fit();
    pins[h].shrink_to_fit();
  }
}

LayerScores Cutter::score(LayerData& data, int64_t layer) {
  const Stopwatch watch(timings_.score_ms);
  const auto& n_entries = data.n_entries();
  // One block, so that rows are adjacent as the SDK promises for prefill; NaN shows what a scorer
  // left unwritten.
  const int64_t total = std::accumulate(n_entries.begin(), n_entries.end(), int64_t{0});
  std::vector<float> block(static_cast<size_t>(total), std::numeric_limits<float>::quiet_NaN());
  std::vector<int8_t> pin_block(static_cast<size_t>(total), 0);
  std::vector<float*> rows;
  std::vector<int8_t*> pins;
  int64_t offset = 0;
  for (const int64_t n : n_entries) {
    rows.push_back(block.data() + offset);
    pins.push_back(pin_block.data() + offset);
    offset += n;
  }
  kvh_scores out{sizeof(kvh_scores),
                 static_cast<int32_t>(rows.size()),
                 n_entries.data(),
                 rows.data(),
                 pins.data()};
  data.score(*press_.scorer(), state_.scorer(), &out);
  LayerScores scores;
  for (size_t h = 0; h < rows.size(); ++h) {
    scores.scores.emplace_back(rows[h], rows[h] + n_entries[h]);
    scores.pins.emplace_back(pins[h], pins[h] + n_entries[h]);
  }
  check_finite(*press_.scorer(), layer, scores);
  return scores;
}

std::vector<int64_t> Cutter::head_budgets(LayerData& data,
                                          int64_t layer,
                                          int64_t entries,
                                          LayerScores& scores) {
  const Stopwatch watch(timings_.allocate_ms);
  const auto& n_entries = data.n_entries();
  const Instance* allocator = press_.head_allocator();
  if (!allocator)
    return apportion(entries,
                     std::vector<double>(n_entries.size(), 1.0),
                     std::vector<int64_t>(n_entries.size(), 0),
                     n_entries);
  std::vector<int64_t> budgets(n_entries.size(), -1);
  ScoresView view(scores, n_entries);
  data.set_layer_budget(entries);
  data.call(*allocator, state_.head_allocator(), [&](const kvh_layer& frame, kvh_error* error) {
    return allocator->interface<kvh_head_allocator>()->allocate(
        allocator->get(), state_.head_allocator().get(), &frame, &view.c, budgets.data(), error);
  });
  for (size_t h = 0; h < budgets.size(); ++h)
    if (budgets[h] < 0 || budgets[h] > n_entries[h])
      run_failed(layer_name(*allocator, layer),
                 "gave KV head " + std::to_string(h) + " " + std::to_string(budgets[h]) +
                     " entries; expected 0 to " + std::to_string(n_entries[h]));
  const int64_t sum = std::accumulate(budgets.begin(), budgets.end(), int64_t{0});
  if (sum != entries)
    run_failed(
        layer_name(*allocator, layer),
        "divided " + std::to_string(sum) + " entries; expected exactly " + std::to_string(entries));
  return budgets;
}

KeepPlan Cutter::cut(LayerData& data, int64_t layer, int64_t entries, LayerScores& scores) {
  const auto& n_entries = data.n_entries();
  entries = std::min(entries, std::accumulate(n_entries.begin(), n_entries.end(), int64_t{0}));
  const auto budgets = head_budgets(data, layer, entries, scores);
  KeepPlan keep;
  keep.heads.resize(budgets.size());
  {
    const Stopwatch watch(timings_.select_ms);
    parallel_for(static_cast<int64_t>(budgets.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t h = begin; h < end; ++h)
        keep.heads[h] =
            select_top(scores.scores[h].data(), scores.pins[h].data(), n_entries[h], budgets[h]);
    });
  }
  const Stopwatch watch(timings_.compact_ms);
  const auto edited = press_.press() ? edit(data, keep) : std::vector<std::vector<float>>{};
  cache_.compact(layer, keep);
  if (!edited.empty()) store_values(layer, edited);
  const auto rows = row_pointers(keep);
  const auto lengths = row_lengths(keep);
  const kvh_moved moved{sizeof(kvh_moved),
                        static_cast<int32_t>(layer),
                        static_cast<int32_t>(rows.size()),
                        0,
                        lengths.data(),
                        rows.data()};
  state_.after_compact(moved);
  return keep;
}

std::vector<std::vector<float>> Cutter::edit(LayerData& data, const KeepPlan& keep) {
  const Instance& press = *press_.press();
  const int64_t d = press_.model()->head_dim;
  const auto options = at::TensorOptions().dtype(scalar_type(cache_.layout().dtype));
  std::vector<std::vector<float>> values;
  std::vector<float*> value_rows;
  std::vector<std::vector<int32_t>> indices = keep.heads;
  for (size_t h = 0; h < indices.size(); ++h) {
    const HeadSpan span = cache_.head(data.layer(), static_cast<int64_t>(h));
    const auto n_kept = static_cast<int64_t>(indices[h].size());
    const at::Tensor index = at::from_blob(indices[h].data(), {n_kept}, at::kInt);
    const at::Tensor rows =
        at::from_blob(span.values, {span.n, d}, options).index_select(0, index).to(at::kFloat);
    values.emplace_back(rows.data_ptr<float>(), rows.data_ptr<float>() + n_kept * d);
    value_rows.push_back(values.back().data());
  }
  const auto rows = row_pointers(keep);
  const auto lengths = row_lengths(keep);
  kvh_edit call{sizeof(kvh_edit),
                static_cast<int32_t>(rows.size()),
                lengths.data(),
                rows.data(),
                value_rows.data()};
  data.call(press, state_.press(), [&](const kvh_layer& frame, kvh_error* error) {
    return press.interface<kvh_press>()->edit(
        press.get(), state_.press().get(), &frame, &call, error);
  });
  if (!press.has_flag(KVH_METHOD_EDITS_VALUES)) values.clear();
  return values;
}

void Cutter::store_values(int64_t layer, const std::vector<std::vector<float>>& values) {
  const int64_t d = press_.model()->head_dim;
  const auto options = at::TensorOptions().dtype(scalar_type(cache_.layout().dtype));
  for (size_t h = 0; h < values.size(); ++h) {
    const HeadSpan span = cache_.head(layer, static_cast<int64_t>(h));
    at::Tensor target = at::from_blob(span.values, {span.n, d}, options);
    target.copy_(at::from_blob(const_cast<float*>(values[h].data()), {span.n, d}, at::kFloat));
  }
}

}  // namespace kvhost
