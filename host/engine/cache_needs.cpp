// SPDX-License-Identifier: Apache-2.0
#include "engine/cache_needs.hpp"

#include <algorithm>
#include <numeric>

#include "engine/sequence_state.hpp"
#include "press/further_reading.hpp"
#include "press/known_budgets.hpp"
#include "press/passes.hpp"

namespace kvhost {
namespace {

struct Sizes {
  int64_t kv_len, full_layer_entries, entry_bytes, n_layers;
  int64_t bytes(int64_t entries) const { return entries * entry_bytes; }
};

bool held_whole(const Press& press) {
  return press.none() || press.cut_time() == CutTime::AtEnd ||
         press.cut_time() == CutTime::AtEndScored || press.cut_time() == CutTime::AfterPasses;
}

// What is kept so far and one full layer; more where layers wait for each other.
int64_t peak_bytes(const Press& press,
                   const Sizes& n,
                   const CacheNeeds& needs,
                   const std::vector<PassReport>& passes) {
  int64_t longest = 0;
  for (const auto& pass : passes) longest = std::max(longest, pass.cost.longest);
  if (longest > 0) {
    // A draft is read on a copy of what the budget holds.
    const int64_t copy = drafting(press.first()).empty() ? 0 : needs.entries;
    return n.bytes((n.kv_len + longest) * (n.full_layer_entries / n.kv_len) * n.n_layers + copy);
  }
  if (held_whole(press)) return needs.full;
  if (press.cut_time() == CutTime::Progressive)
    return std::min(needs.full,
                    n.bytes(needs.entries + needs.entries / 20 + n.full_layer_entries));
  if (needs.layer_entries.empty())
    return std::min(needs.full, n.bytes(needs.entries + n.full_layer_entries));
  int64_t held = 0, peak = 0;
  for (const int64_t entries : needs.layer_entries) {
    peak = std::max(peak, held + n.full_layer_entries);
    held += entries;
  }
  return n.bytes(peak);
}

}  // namespace

int64_t cache_bytes_per_token(const Model& model) {
  const ModelConfig& c = model.state().config;
  const CacheLayout layout{c.n_layers, c.n_kv_heads, c.head_dim, model.dtype()};
  return c.n_layers * c.n_kv_heads * layout.bytes_per_entry();
}

int64_t entries_held(const Sequence& sequence) {
  const KvCache& cache = sequence.state().cache;
  int64_t n = 0;
  for (int64_t layer = 0; layer < cache.layout().n_layers; ++layer)
    for (int64_t head = 0; head < cache.layout().n_kv_heads; ++head)
      n += cache.n_kept(layer, head);
  return n;
}

CacheNeeds cache_needs(const Model& model, const Policy& policy, std::span<const int32_t> tokens) {
  const ModelConfig& c = model.state().config;
  const Press& press = *policy.state().press;
  const auto kv_len = static_cast<int64_t>(tokens.size());
  const CacheLayout layout{c.n_layers, c.n_kv_heads, c.head_dim, model.dtype()};
  const Sizes n{kv_len, kv_len * c.n_kv_heads, layout.bytes_per_entry(), c.n_layers};
  const int64_t all = n.full_layer_entries * c.n_layers;
  const int64_t total = press.none() ? all : policy.budget(kv_len).entries_total;
  CacheNeeds needs;
  if (press.none())
    needs.layer_entries.assign(static_cast<size_t>(c.n_layers), n.full_layer_entries);
  else if (press.cut_time() == CutTime::AtOnce && !press.owns_total())
    needs.layer_entries = known_budgets(press, layer_bounds(c, kv_len), total);
  needs.entries = needs.layer_entries.empty()
                      ? total
                      : std::accumulate(
                            needs.layer_entries.begin(), needs.layer_entries.end(), int64_t{0});
  needs.full = n.bytes(all);
  needs.kept = n.bytes(needs.entries);
  std::vector<PassReport> passes;
  if (!press.none() && press.cut_time() == CutTime::AfterPasses)
    passes = pass_reports(press, model.state().prompt(tokens));
  needs.peak = peak_bytes(press, n, needs, passes);
  return needs;
}

}  // namespace kvhost
