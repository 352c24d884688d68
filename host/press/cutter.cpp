// SPDX-License-Identifier: Apache-2.0
#include "press/cutter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "kernels/select.hpp"
#include "measure/stopwatch.hpp"
#include "method/fence.hpp"
#include "press/budget.hpp"
#include "press/editor.hpp"

namespace kvhost {
namespace {

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

KeepPlan keep_all(const std::vector<int64_t>& n_entries) {
  KeepPlan keep;
  for (const int64_t n : n_entries) {
    keep.heads.emplace_back(static_cast<size_t>(n));
    std::iota(keep.heads.back().begin(), keep.heads.back().end(), 0);
  }
  return keep;
}

}  // namespace

LayerScores Cutter::score(LayerData& data, int64_t layer) {
  const Stopwatch watch(timings_.score_ms);
  const auto& n_entries = data.n_entries();
  // One block, so that rows are adjacent as the SDK promises for prefill; NaN shows what a scorer
  // left unwritten. Rows are copied out of it, so that a layer's scores can shrink head by head
  // with its cuts.
  const int64_t total = std::accumulate(n_entries.begin(), n_entries.end(), int64_t{0});
  Fenced<float> block(static_cast<size_t>(total), std::numeric_limits<float>::quiet_NaN());
  Fenced<int8_t> pin_block(static_cast<size_t>(total), 0);
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
  if (stage_.scorer()) {
    data.score(*stage_.scorer(), state_.scorer(), &out);
    stage_.scorer()->check_fence("score()", layer, block.broken(), "scores");
    stage_.scorer()->check_fence("score()", layer, pin_block.broken(), "pins");
  } else {
    std::fill(block.begin(), block.end(), 0.0f);  // a head allocator that needs none
  }
  LayerScores scores;
  for (size_t h = 0; h < rows.size(); ++h) {
    scores.scores.emplace_back(rows[h], rows[h] + n_entries[h]);
    scores.pins.emplace_back(pins[h], pins[h] + n_entries[h]);
  }
  if (stage_.scorer()) check_finite(*stage_.scorer(), layer, scores);
  return scores;
}

std::vector<int64_t> Cutter::head_budgets(LayerData& data,
                                          int64_t layer,
                                          int64_t entries,
                                          std::span<const int64_t> heads,
                                          LayerScores& scores) {
  const Stopwatch watch(timings_.allocate_ms);
  const auto& n_entries = data.n_entries();
  const Instance* allocator = stage_.head_allocator();
  if (!allocator && !heads.empty()) return {heads.begin(), heads.end()};
  if (!allocator)
    return apportion(entries,
                     std::vector<double>(n_entries.size(), 1.0),
                     std::vector<int64_t>(n_entries.size(), 0),
                     n_entries);
  Fenced<int64_t> budgets(n_entries.size(), -1);
  ScoresView view(scores);
  data.set_layer_budget(entries);
  data.call("allocate()",
            *allocator,
            state_.head_allocator(),
            [&](const kvh_layer& frame, kvh_error* error) {
              return allocator->functions<kvh_head_allocator>()->allocate(
                  allocator->get(),
                  state_.head_allocator().get(),
                  &frame,
                  view.read(),
                  allocator->has_own_flag(KVH_METHOD_EDITS_SCORES) ? view.get() : nullptr,
                  budgets.data(),
                  error);
            });
  allocator->check_fence("allocate()", layer, budgets.broken(), "budgets");
  std::vector<int64_t> answer(budgets.begin(), budgets.end());
  check_budgets(*allocator, layer, entries, answer, n_entries);
  return answer;
}

void Cutter::check_budgets(const Instance& allocator,
                           int64_t layer,
                           int64_t entries,
                           const std::vector<int64_t>& budgets,
                           const std::vector<int64_t>& n_entries) const {
  for (size_t h = 0; h < budgets.size(); ++h)
    if (budgets[h] < 0 || budgets[h] > n_entries[h])
      run_failed(layer_name(allocator, layer),
                 "gave KV head " + std::to_string(h) + " " + std::to_string(budgets[h]) +
                     " entries; expected 0 to " + std::to_string(n_entries[h]));
  const int64_t sum = std::accumulate(budgets.begin(), budgets.end(), int64_t{0});
  if (sum != entries && !stage_.head_owns_total())
    run_failed(
        layer_name(allocator, layer),
        "divided " + std::to_string(sum) + " entries; expected exactly " + std::to_string(entries));
}

KeepPlan Cutter::select(LayerData& data,
                        int64_t layer,
                        int64_t entries,
                        std::span<const int64_t> heads,
                        LayerScores& original) {
  // Scores may be wanted again for a later, smaller cut: an allocator that rewrites them gets a
  // copy.
  const Instance* allocator = stage_.head_allocator();
  const bool rewrites = allocator && allocator->has_own_flag(KVH_METHOD_EDITS_SCORES);
  LayerScores copy;
  if (rewrites) copy = original;
  LayerScores& scores = rewrites ? copy : original;
  const auto& n_entries = data.n_entries();
  const auto budgets = head_budgets(data, layer, entries, heads, scores);
  if (rewrites) check_finite(*allocator, layer, scores);
  const Stopwatch watch(timings_.select_ms);
  KeepPlan keep;
  keep.heads.resize(budgets.size());
  parallel_for(static_cast<int64_t>(budgets.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t h = begin; h < end; ++h)
      keep.heads[h] =
          select_top(scores.scores[h].data(), scores.pins[h].data(), n_entries[h], budgets[h]);
  });
  return keep;
}

KeepPlan Cutter::cut(LayerData& data,
                     int64_t layer,
                     int64_t entries,
                     LayerScores& scores,
                     std::span<const int64_t> heads) {
  const auto& n_entries = data.n_entries();
  entries = std::min(entries, std::accumulate(n_entries.begin(), n_entries.end(), int64_t{0}));
  const KeepPlan keep =
      stage_.selects() ? select(data, layer, entries, heads, scores) : keep_all(n_entries);
  const Stopwatch watch(timings_.compact_ms);
  std::optional<Editor> editor;
  if (stage_.press()) editor.emplace(stage_, state_, cache_, data, keep, scores);
  if (stage_.selects()) cache_.compact(layer, keep);
  if (editor) editor->store();
  const KeepRows kept(keep);
  const kvh_moved moved{sizeof(kvh_moved),
                        static_cast<int32_t>(layer),
                        static_cast<int32_t>(kept.rows.size()),
                        0,
                        kept.lengths.data(),
                        kept.rows.data()};
  state_.after_compact(moved);
  return keep;
}

}  // namespace kvhost
