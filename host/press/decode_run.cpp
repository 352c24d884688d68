// SPDX-License-Identifier: Apache-2.0
#include "press/decode_run.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.hpp"
#include "method/finite_keys.hpp"
#include "press/budget.hpp"

namespace kvhost {
namespace {

// The last `window` rows of `ring` followed by `rows` along `dim`.
at::Tensor push(const at::Tensor& ring, const at::Tensor& rows, int64_t dim, int64_t window) {
  const at::Tensor all = ring.defined() ? at::cat({ring, rows}, dim) : rows.clone();
  const int64_t n = std::min(window, all.size(dim));
  return all.narrow(dim, all.size(dim) - n, n).contiguous();
}

// What the layer allocator gave each head, of what it holds; what one cannot take goes to the others.
// Empty where it gave none.
std::vector<int64_t> held_heads(const LayerBudgets& budgets,
                                int64_t layer,
                                const std::vector<int64_t>& n_entries) {
  const std::span<const int64_t> heads = budgets.heads_of(layer);
  if (heads.empty()) return {};
  const int64_t held = std::accumulate(n_entries.begin(), n_entries.end(), int64_t{0});
  return apportion(std::min(budgets.entries[static_cast<size_t>(layer)], held),
                   std::vector<double>(heads.begin(), heads.end()),
                   std::vector<int64_t>(n_entries.size(), 0),
                   n_entries);
}

}  // namespace

void check_decodes(const Press& press) {
  if (press.cut_time() == CutTime::AfterPasses)
    bad_request("--decode-press",
                "'" + press.first().late_part()->name() +
                    "' reads the prompt again; expected a method that does without");
  const CaptureRequest capture = press.capture();
  if (capture.query_window < 0 || capture.hidden_window < 0 || !capture.query_spreads.empty())
    bad_request(
        "--decode-press",
        "the composition needs the queries or hidden states of all tokens; expected a method with "
        "a window");
}

DecodeRun::DecodeRun(Parts, const PressedSequence& on, const DecodePolicy& policy)
    : on_(on),
      policy_(policy),
      capture_(on.press.capture()),
      exec_(make_exec(on.press.context(), on.seed)),
      rings_(static_cast<size_t>(on.decoder.config().n_layers)),
      together_(on.press.cut_time() != CutTime::AtOnce) {}

DecodeRun::DecodeRun(const PressedSequence& on, const DecodePolicy& policy)
    : DecodeRun(Parts{}, on, policy) {
  const kvh_sequence_info info = sequence_info(KVH_PHASE_DECODE, on.seed, on.n_prompt);
  for (const auto& stage : on.press.stages())
    stages_.emplace_back(stage, info, on.cache, on.timings);
}

// Rows of the rings are replaced, never written to.
DecodeRun::DecodeRun(const DecodeRun& from, const PressedSequence& on)
    : on_(on),
      policy_(from.policy_),
      capture_(from.capture_),
      exec_(make_exec(on.press.context(), on.seed)),
      budgets_(from.budgets_),
      rings_(from.rings_),
      cuts_(from.cuts_),
      since_cut_(from.since_cut_),
      together_(from.together_) {
  for (const StageRun& run : from.stages_) stages_.emplace_back(run, on.cache, on.timings);
}

void DecodeRun::begin_forward(int64_t n_tokens) {
  n_tokens_ = n_tokens;
  n_seen_ = on_.cache.n_seen() + n_tokens;
  since_cut_ += n_tokens;
  due_ = since_cut_ >= policy_.every;
  if (!due_) return;
  since_cut_ = 0;
  divide();
}

int64_t DecodeRun::entries_per_head(int64_t n_seen) const {
  if (policy_.keep_ratio > 0) {
    const double share = std::floor(static_cast<double>(n_seen) * policy_.keep_ratio + 1e-9);
    return std::max<int64_t>(1, static_cast<int64_t>(share));
  }
  if (policy_.entries_per_head == DecodePolicy::kOwn) return on_.press.own_entries_per_head(n_seen);
  return policy_.entries_per_head;
}

void DecodeRun::divide() {
  const ModelConfig& config = on_.decoder.config();
  const auto state_of = [this](size_t s) -> StageState& { return stages_[s].state; };
  const int64_t total = entries_per_head(n_seen_) * config.n_layers * config.n_kv_heads;
  LayerBounds bounds = layer_bounds(config, n_seen_);
  bounds.phase = KVH_PHASE_DECODE;
  full_ = everything(bounds).total();
  totals_ = on_.press.totals(full_, total);
  if (!together_) divide_over_stages(on_.press, state_of, bounds, total, budgets_);
}

// What the layers hold is what they can keep.
LayerBounds DecodeRun::held_bounds() const {
  LayerBounds bounds = layer_bounds(on_.decoder.config(), n_seen_);
  bounds.phase = KVH_PHASE_DECODE;
  for (size_t l = 0; l < bounds.caps.size(); ++l) {
    int64_t held = 0;
    for (int64_t h = 0; h < bounds.n_kv_heads; ++h) {
      bounds.held.push_back(on_.cache.n_kept(static_cast<int64_t>(l), h));
      held += bounds.held.back();
    }
    bounds.caps[l] = held;  // also what a sliding window drops behind this cut
    bounds.floors[l] = std::min(bounds.floors[l], held);
  }
  return bounds;
}

std::vector<LayerScores> DecodeRun::score_all() {
  std::vector<LayerScores> scores;
  for (int64_t l = 0; l < on_.decoder.config().n_layers; ++l) {
    LayerData data(inputs(/*stage=*/0, l));
    scores.push_back(stages_.front().cutter.score(data, l));
  }
  return scores;
}

// Every layer was shown to the allocators and none was cut: rows of the last queries are in the
// rings, so that what scorers are shown now is what it would have been then.
void DecodeRun::cut_together() {
  StageRun& first = stages_.front();
  std::vector<LayerScores> scores;
  if (first.stage.needs_scores()) scores = score_all();
  std::vector<ScoresView> views;
  for (LayerScores& layer : scores) views.emplace_back(layer);
  const LayerBounds bounds = held_bounds();
  const auto n_layers = std::ssize(bounds.caps);
  budgets_.resize(stages_.size());
  const int64_t held = everything(bounds).total();
  budgets_.front() = divide_over_layers(
      first.stage, first.state, bounds, std::min(totals_.front(), held), n_layers, views);
  const auto state_of = [this](size_t s) -> StageState& { return stages_[s].state; };
  divide_over_stages(on_.press, state_of, bounds, std::min(totals_.back(), held), budgets_);
  for (int64_t l = 0; l < n_layers; ++l)
    for (size_t s = 0; s < stages_.size(); ++s)
      apply(s, l, s == 0 && !scores.empty() ? &scores[static_cast<size_t>(l)] : nullptr);
}

void DecodeRun::on_layer(int64_t layer, const LayerCapture& capture) {
  remember(layer, capture);
  if (!due_) return;
  check_keys(on_.press.first().name(), on_.cache, layer);
  if (together_) {
    LayerData data(inputs(/*stage=*/0, layer));
    return show_allocators(stages_.front(), data, on_.timings);
  }
  for (size_t s = 0; s < stages_.size(); ++s) apply(s, layer);
}

void DecodeRun::end_forward() {
  if (!due_) return;
  if (together_) cut_together();
  const CacheLayout& layout = on_.cache.layout();
  int64_t entries = 0;
  for (int64_t l = 0; l < layout.n_layers; ++l)
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) entries += on_.cache.n_kept(l, h);
  cuts_.push_back({on_.cache.n_seen(), entries, on_.cache.bytes_kept()});
  if (!on_.press.renumbers()) return;
  on_.cache.continue_behind_last();
  for (auto& rings : rings_) rings = Rings{};  // queries that were rotated to the old positions
}

LayerInputs DecodeRun::inputs(int64_t layer) const {
  const Rings& rings = rings_[layer];
  LayerInputs in = layer_inputs(on_, layer, exec_);
  in.phase = KVH_PHASE_DECODE;
  in.n_seen = n_seen_;  // the cache counts them only after the last layer
  in.q_len = n_tokens_;
  in.queries = rings.queries.defined() ? &rings.queries : nullptr;
  in.hidden = rings.hidden.defined() ? &rings.hidden : nullptr;
  return in;
}

LayerInputs DecodeRun::inputs(size_t stage, int64_t layer) const {
  LayerInputs in = inputs(layer);
  in.total_entries = totals_[stage];
  in.keep_ratio = keep_ratio_of(totals_[stage], full_);
  return in;
}

void DecodeRun::apply(size_t stage, int64_t layer, LayerScores* given) {
  StageRun& run = stages_[stage];
  const int64_t entries = run.stage.selects() ? budgets_[stage].entries[layer] : 0;
  LayerInputs in = inputs(stage, layer);
  in.layer_budget = entries;
  LayerData data(in);
  int64_t held = 0;
  for (const int64_t n : data.n_entries()) held += n;
  if (run.stage.divides() && held <= entries) return;
  LayerScores scores;
  if (given)
    scores = std::move(*given);
  else if (run.stage.selects())
    scores = run.cutter.score(data, layer);
  const std::vector<int64_t> heads = held_heads(budgets_[stage], layer, data.n_entries());
  run.cutter.cut(data, layer, entries, scores, heads);
}

void DecodeRun::remember(int64_t layer, const LayerCapture& capture) {
  Rings& rings = rings_[layer];
  if (capture.queries && capture_.query_window > 0)
    rings.queries = push(rings.queries, *capture.queries, /*dim=*/1, capture_.query_window);
  if (capture.hidden && capture_.hidden_window > 0)
    rings.hidden = push(rings.hidden, *capture.hidden, /*dim=*/0, capture_.hidden_window);
}

}  // namespace kvhost
