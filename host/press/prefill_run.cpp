// SPDX-License-Identifier: Apache-2.0
#include "press/prefill_run.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "base/stopwatch.hpp"

namespace kvhost {
namespace {

// Entries beyond the provisional share that a layer keeps while later layers are still unseen:
// selections by head allocators with floors are not nested (a floor that jumps by one in every head
// takes n_kv_heads entries), so the final set may need entries that a slightly larger budget would
// have dropped.
int64_t slack(int64_t n_kv_heads) { return 8 * n_kv_heads; }

// Earlier layers are cut again only when what is held exceeds the total by this share: each pass
// moves every layer.
constexpr double kOvershoot = 1.05;

}  // namespace

PrefillRun::PrefillRun(const Press& press,
                       const Decoder& decoder,
                       KvCache& cache,
                       int64_t total_entries,
                       int64_t kv_len,
                       uint64_t seed,
                       Timings& timings,
                       PressTrace& trace)
    : press_(press),
      decoder_(decoder),
      cache_(cache),
      total_entries_(total_entries),
      exec_(make_exec(seed)),
      bounds_(layer_bounds(decoder.config(), kv_len)),
      state_(press),
      timings_(timings),
      trace_(trace),
      cutter_(press, state_, cache, timings),
      held_(static_cast<size_t>(decoder.config().n_layers)) {
  if (press_.cut_time() == CutTime::AtOnce) budgets_ = divide(decoder.config().n_layers);
}

LayerBudgets PrefillRun::divide(int64_t n_observed) {
  const Stopwatch watch(timings_.allocate_ms);
  return divide_over_layers(press_, state_, bounds_, total_entries_, n_observed);
}

LayerInputs PrefillRun::inputs(int64_t layer,
                               const at::Tensor* queries,
                               const at::Tensor* hidden) const {
  LayerInputs in;
  in.phase = KVH_PHASE_PREFILL;
  in.layer = layer;
  in.n_seen = in.q_len = bounds_.kv_len;
  in.cache = &cache_;
  in.queries = queries;
  in.window_rows = press_.window_of(KVH_T_WINDOW_ATTENTION);
  in.hidden = hidden;
  if (press_.needs_tensor(KVH_T_OUTPUT_WEIGHT)) in.output_weight = &decoder_.output_weight(layer);
  in.model = press_.model();
  in.exec = &exec_;
  const auto& windows = decoder_.config().sliding_window;
  in.sliding_window = windows.empty() ? 0 : windows[layer];
  return in;
}

void PrefillRun::on_layer(int64_t layer, const LayerCapture& capture) {
  {
    LayerData whole(inputs(layer, capture.queries, capture.hidden));
    observe(whole);
  }
  drop_unseen(decoder_.config(), layer, bounds_.kv_len, cache_);
  LayerData data(inputs(layer, capture.queries, capture.hidden));
  switch (press_.cut_time()) {
    case CutTime::AtOnce:
      return cut_at_once(data, layer);
    case CutTime::Progressive:
      return cut_progressively(data, layer);
    case CutTime::AtEnd:
      held_[layer].scores = score(data, layer);
      break;
    case CutTime::AtEndScored:
      if (capture.queries) held_[layer].queries = capture.queries->clone();
      if (capture.hidden) held_[layer].hidden = capture.hidden->clone();
      break;
  }
  note_extra();
}

void PrefillRun::observe(LayerData& data) {
  const Instance* allocator = press_.layer_allocator();
  if (!allocator || !allocator->interface<kvh_layer_allocator>()->observe) return;
  const Stopwatch watch(timings_.allocate_ms);
  data.call(*allocator, state_.layer_allocator(), [&](const kvh_layer& frame, kvh_error* error) {
    return allocator->interface<kvh_layer_allocator>()->observe(
        allocator->get(), state_.layer_allocator().get(), &frame, error);
  });
}

LayerScores PrefillRun::score(LayerData& data, int64_t layer) {
  LayerScores scores = cutter_.score(data, layer);
  if (trace_.keep_scores) {
    trace_.scores.resize(held_.size());
    trace_.scores[layer] = scores.scores;
  }
  return scores;
}

void PrefillRun::cut_at_once(LayerData& data, int64_t layer) {
  data.set_layer_budget(budgets_.entries[layer]);
  LayerScores scores = score(data, layer);
  cutter_.cut(data, layer, budgets_.entries[layer], scores);
}

void PrefillRun::cut_progressively(LayerData& data, int64_t layer) {
  held_[layer].scores = score(data, layer);
  const auto& n = data.n_entries();
  held_[layer].entries = std::accumulate(n.begin(), n.end(), int64_t{0});
  if (layer + 1 == decoder_.config().n_layers) return;  // finish() follows at once
  const LayerBudgets provisional = divide(layer + 1);
  cut_held(layer, provisional.entries[layer] + slack(bounds_.n_kv_heads));
  shrink_earlier(layer, provisional);
  note_extra();
}

void PrefillRun::shrink_earlier(int64_t layer, const LayerBudgets& provisional) {
  int64_t held = 0;
  for (int64_t l = 0; l <= layer; ++l) held += held_[l].entries;
  if (static_cast<double>(held) <= kOvershoot * static_cast<double>(total_entries_)) return;
  for (int64_t l = 0; l < layer; ++l)
    cut_held(l, provisional.entries[l] + slack(bounds_.n_kv_heads));
}

void PrefillRun::cut_held(int64_t layer, int64_t entries) {
  Held& held = held_[layer];
  if (held.entries > 0 && entries >= held.entries) return;
  LayerData data(inputs(layer,
                        held.queries.defined() ? &held.queries : nullptr,
                        held.hidden.defined() ? &held.hidden : nullptr));
  if (press_.cut_time() == CutTime::AtEndScored) {
    data.set_layer_budget(entries);
    held.scores = score(data, layer);
  }
  const KeepPlan keep = cutter_.cut(data, layer, entries, held.scores);
  held.scores.gather(keep);
  held.entries = 0;
  for (const auto& head : keep.heads) held.entries += static_cast<int64_t>(head.size());
}

void PrefillRun::finish() {
  if (press_.cut_time() == CutTime::AtOnce) return;
  note_extra();
  budgets_ = divide(decoder_.config().n_layers);
  for (int64_t l = 0; l < decoder_.config().n_layers; ++l) {
    cut_held(l, budgets_.entries[l]);
    held_[l] = Held{};
  }
}

void PrefillRun::note_extra() {
  int64_t bytes = 0;
  for (const auto& held : held_) {
    bytes += held.scores.bytes();
    if (held.queries.defined()) bytes += static_cast<int64_t>(held.queries.nbytes());
    if (held.hidden.defined()) bytes += static_cast<int64_t>(held.hidden.nbytes());
  }
  peak_extra_bytes_ = std::max(peak_extra_bytes_, bytes);
}

}  // namespace kvhost
