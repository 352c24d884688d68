// SPDX-License-Identifier: Apache-2.0
#include "press/held_layers.hpp"

#include <ATen/ATen.h>

#include <numeric>

namespace kvhost {

HeldLayers::HeldLayers(PrefillWork& work)
    : work_(work), layers_(static_cast<size_t>(work.n_layers())) {}

LayerInputs HeldLayers::inputs(int64_t layer) const {
  const Held& held = layers_[layer];
  return work_.inputs(layer, {&held.queries, &held.hidden, &held.spread});
}

void HeldLayers::score(LayerData& data, int64_t layer) {
  layers_[layer].scores = work_.score_first(data, layer);
  layers_[layer].scored = true;
}

void HeldLayers::count_entries(LayerData& data, int64_t layer) {
  const auto& n = data.n_entries();
  layers_[layer].entries = std::accumulate(n.begin(), n.end(), int64_t{0});
}

void HeldLayers::retain_windows(const LayerInputs& in) {
  if (in.queries) layers_[in.layer].queries = in.queries->clone();
  if (in.hidden) layers_[in.layer].hidden = in.hidden->clone();
  if (in.spread) layers_[in.layer].spread = {in.spread->tokens, in.spread->rows.clone()};
}

void HeldLayers::cut(int64_t layer, int64_t entries) {
  Held& held = layers_[layer];
  if (held.entries > 0 && entries >= held.entries) return;
  LayerData data(inputs(layer));
  if (!held.scored) {
    data.set_layer_budget(entries);
    score(data, layer);
  }
  const KeepPlan keep = work_.cut_first(data, layer, entries, held.scores);
  held.scores.gather(keep);
  held.entries = count(keep);
}

std::vector<ScoresView> HeldLayers::score_all() {
  std::vector<ScoresView> views;
  for (int64_t l = 0; l < work_.n_layers(); ++l) {
    if (!layers_[l].scored) {
      LayerData data(inputs(l));
      score(data, l);
    }
    views.emplace_back(layers_[l].scores);
  }
  return views;
}

void HeldLayers::cut_all() {
  std::vector<ScoresView> scores;
  if (work_.first_stage().needs_scores()) scores = score_all();
  work_.budgets().front() = work_.divide_first(work_.n_layers(), scores);
  work_.divide_known();
  for (int64_t l = 0; l < work_.n_layers(); ++l) {
    cut(l, work_.budgets().front().entries[l]);
    work_.apply_later_stages(inputs(l));
    layers_[l] = Held{};
  }
}

int64_t HeldLayers::bytes() const {
  int64_t bytes = 0;
  for (const auto& held : layers_) {
    bytes += held.scores.bytes();
    if (held.queries.defined()) bytes += static_cast<int64_t>(held.queries.nbytes());
    if (held.hidden.defined()) bytes += static_cast<int64_t>(held.hidden.nbytes());
    if (held.spread.rows.defined()) bytes += static_cast<int64_t>(held.spread.rows.nbytes());
  }
  return bytes;
}

}  // namespace kvhost
