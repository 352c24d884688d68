// SPDX-License-Identifier: Apache-2.0
// The model's budget divided over its layers, by the composition's layer allocator or evenly.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cache/kv_cache.hpp"
#include "press/layer_scores.hpp"
#include "press/press.hpp"

namespace kvhost {

struct LayerBudgets {
  std::vector<int64_t> entries;  // [n_layers] over all KV heads
  std::vector<int64_t> heads;    // [n_layers * n_kv_heads] where the layer allocator says; else empty
  std::vector<double> observed;  // [n_layers], NaN where nothing
  std::string observed_name;
  std::string observed_from;  // "prompt", or "profile": known before the prompt; "" where nothing

  int64_t total() const;
  // [n_kv_heads] or empty
  std::span<const int64_t> heads_of(int64_t layer) const;
};

// What a layer may hold: floors and caps, entries over all heads.
struct LayerBounds {
  std::vector<int64_t> floors, caps;  // [n_layers]
  int64_t kv_len = 0;
  int64_t n_kv_heads = 0;
  int32_t phase = KVH_PHASE_PREFILL;
  // [n_layers * n_kv_heads] what each head holds; empty: as many in every head of a layer
  std::vector<int64_t> held;

  int64_t head_cap(int64_t layer, int64_t head) const {
    return held.empty() ? caps[static_cast<size_t>(layer)] / n_kv_heads
                        : held[static_cast<size_t>(layer * n_kv_heads + head)];
  }
};

// Sliding-window layers: what no later query will see goes at once, before anything is scored. True
// when something may have gone.
bool drop_unseen(const ModelConfig& config, int64_t layer, int64_t n_seen, KvCache& cache);

// One entry per head at least, all tokens (or the sliding window) at most.
LayerBounds layer_bounds(const ModelConfig& config, int64_t kv_len);

// Every layer at its cap: nothing is divided.
LayerBudgets everything(const LayerBounds& bounds);

// `n_observed` layers were observed so far; entries of later layers are 0 then. The sum is exactly
// min(total, sum of caps), unless the allocator states integers of its own. `scores` [n_layers] of
// all layers, for allocators that go by them. Throws Error naming the allocator.
LayerBudgets divide_over_layers(const Stage& stage,
                                StageState& state,
                                const LayerBounds& bounds,
                                int64_t total_entries,
                                int64_t n_observed,
                                std::span<ScoresView> scores = {});

// The budgets of all stages that do not wait for the prompt, into `budgets` [stages]: each
// selection divides what the one before it left in every layer. With a first stage that does wait,
// budgets[0] must be there already.
void divide_over_stages(const Press& press,
                        const std::function<StageState&(size_t)>& state_of,
                        LayerBounds bounds,
                        int64_t total_entries,
                        std::vector<LayerBudgets>& budgets);

}  // namespace kvhost
