// SPDX-License-Identifier: Apache-2.0
#include "press/prefill_run.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "measure/stopwatch.hpp"
#include "method/finite_keys.hpp"

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

int64_t count(const KeepPlan& keep) {
  int64_t n = 0;
  for (const auto& head : keep.heads) n += static_cast<int64_t>(head.size());
  return n;
}

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
      exec_(make_exec(seed)),
      bounds_(layer_bounds(decoder.config(), kv_len)),
      total_entries_(total_entries),
      first_total_(press.totals(everything(bounds_).total(), total_entries).front()),
      timings_(timings),
      trace_(trace),
      budgets_(press.stages().size()),
      held_(static_cast<size_t>(decoder.config().n_layers)) {
  for (const auto& stage : press.stages()) stages_.emplace_back(stage, cache, timings);
  if (press.cut_time() == CutTime::AtOnce) divide_known();
}

void PrefillRun::divide_known() {
  const Stopwatch watch(timings_.allocate_ms);
  const auto state_of = [this](size_t s) -> StageState& { return stages_[s].state; };
  divide_over_stages(press_, state_of, bounds_, total_entries_, budgets_);
}

// Of a first stage that decides from the prompt.
LayerBudgets PrefillRun::divide_first(int64_t n_observed) {
  const Stopwatch watch(timings_.allocate_ms);
  StageRun& first = stages_.front();
  return divide_over_layers(first.stage, first.state, bounds_, first_total_, n_observed);
}

const LayerBudgets& PrefillRun::budgets() const {
  for (size_t s = stages_.size(); s-- > 1;)
    if (stages_[s].stage.selects()) return budgets_[s];
  return budgets_.front();
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

LayerInputs PrefillRun::held_inputs(int64_t layer) const {
  const Held& held = held_[layer];
  return inputs(layer,
                held.queries.defined() ? &held.queries : nullptr,
                held.hidden.defined() ? &held.hidden : nullptr);
}

void PrefillRun::on_layer(int64_t layer, const LayerCapture& capture) {
  check_keys(press_.first().name(), cache_, layer);
  const LayerInputs in = inputs(layer, capture.queries, capture.hidden);
  {
    LayerData whole(in);
    observe(whole);
  }
  drop_unseen(decoder_.config(), layer, bounds_.kv_len, cache_);
  switch (press_.cut_time()) {
    case CutTime::AtOnce:
      apply(0, in);
      return apply_later_stages(in);
    case CutTime::Progressive: {
      LayerData data(in);
      cut_progressively(data, layer);
      break;
    }
    case CutTime::AtEnd: {
      LayerData data(in);
      held_[layer].scores = score(data, layer);
      break;
    }
    case CutTime::AtEndScored:
      break;
  }
  if (press_.cut_time() == CutTime::AtEndScored || stages_.size() > 1)
    retain_windows(layer, capture);
  note_extra();
}

void PrefillRun::retain_windows(int64_t layer, const LayerCapture& capture) {
  if (capture.queries) held_[layer].queries = capture.queries->clone();
  if (capture.hidden) held_[layer].hidden = capture.hidden->clone();
}

void PrefillRun::observe(LayerData& data) {
  StageRun& first = stages_.front();
  const Stopwatch watch(timings_.allocate_ms);
  const auto show = [&](const Instance& allocator, SequenceState& state, auto observe) {
    if (!observe) return;
    data.call(allocator, state, [&](const kvh_layer& frame, kvh_error* error) {
      return observe(allocator.get(), state.get(), &frame, error);
    });
  };
  if (const Instance* allocator = first.stage.layer_allocator())
    show(*allocator,
         first.state.layer_allocator(),
         allocator->interface<kvh_layer_allocator>()->observe);
  if (const Instance* allocator = first.stage.head_allocator();
      allocator && allocator == first.stage.observer())
    show(*allocator,
         first.state.head_allocator(),
         allocator->interface<kvh_head_allocator>()->observe);
}

// Scores of the first stage.
LayerScores PrefillRun::score(LayerData& data, int64_t layer) {
  LayerScores scores = stages_.front().cutter.score(data, layer);
  if (trace_.keep_scores) {
    trace_.scores.resize(held_.size());
    trace_.scores[layer] = scores.scores;
  }
  return scores;
}

// Scores and cuts a layer whose budget in this stage is known.
void PrefillRun::apply(size_t stage, const LayerInputs& inputs) {
  StageRun& run = stages_[stage];
  LayerData data(inputs);
  LayerScores scores;
  int64_t entries = 0;
  if (run.stage.selects()) {
    entries = budgets_[stage].entries[inputs.layer];
    data.set_layer_budget(entries);
    scores = stage == 0 ? score(data, inputs.layer) : run.cutter.score(data, inputs.layer);
  }
  const KeepPlan keep = run.cutter.cut(data, inputs.layer, entries, scores);
  if (run.stage.head_owns_total()) budgets_[stage].entries[inputs.layer] = count(keep);
}

void PrefillRun::apply_later_stages(const LayerInputs& inputs) {
  for (size_t s = 1; s < stages_.size(); ++s) apply(s, inputs);
}

void PrefillRun::cut_progressively(LayerData& data, int64_t layer) {
  held_[layer].scores = score(data, layer);
  const auto& n = data.n_entries();
  held_[layer].entries = std::accumulate(n.begin(), n.end(), int64_t{0});
  if (layer + 1 == decoder_.config().n_layers) return;  // finish() follows at once
  const LayerBudgets provisional = divide_first(layer + 1);
  cut_held(layer, provisional.entries[layer] + slack(bounds_.n_kv_heads));
  shrink_earlier(layer, provisional);
}

void PrefillRun::shrink_earlier(int64_t layer, const LayerBudgets& provisional) {
  int64_t held = 0;
  for (int64_t l = 0; l <= layer; ++l) held += held_[l].entries;
  if (static_cast<double>(held) <= kOvershoot * static_cast<double>(first_total_)) return;
  for (int64_t l = 0; l < layer; ++l)
    cut_held(l, provisional.entries[l] + slack(bounds_.n_kv_heads));
}

void PrefillRun::cut_held(int64_t layer, int64_t entries) {
  Held& held = held_[layer];
  if (held.entries > 0 && entries >= held.entries) return;
  LayerData data(held_inputs(layer));
  if (press_.cut_time() == CutTime::AtEndScored) {
    data.set_layer_budget(entries);
    held.scores = score(data, layer);
  }
  const KeepPlan keep = stages_.front().cutter.cut(data, layer, entries, held.scores);
  held.scores.gather(keep);
  held.entries = count(keep);
  if (stages_.front().stage.head_owns_total()) budgets_.front().entries[layer] = held.entries;
}

void PrefillRun::finish() {
  if (press_.cut_time() != CutTime::AtOnce) {
    note_extra();
    budgets_.front() = divide_first(decoder_.config().n_layers);
    divide_known();
    for (int64_t l = 0; l < decoder_.config().n_layers; ++l) {
      cut_held(l, budgets_.front().entries[l]);
      apply_later_stages(held_inputs(l));
      held_[l] = Held{};
    }
  }
  if (press_.renumbers()) cache_.continue_behind_last();
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
