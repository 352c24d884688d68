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
  if (const Instance* scorer = stage_.scorer())
    return collect_scores(*scorer, "score()", layer, n_entries, [&](kvh_scores* out) {
      data.score(*scorer, state_.scorer(), out);
    });
  LayerScores scores;  // a head allocator that needs none
  for (const int64_t n : n_entries) {
    scores.scores.emplace_back(static_cast<size_t>(n), 0.0f);
    scores.pins.emplace_back(static_cast<size_t>(n), int8_t{0});
  }
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
