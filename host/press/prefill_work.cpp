// SPDX-License-Identifier: Apache-2.0
#include "press/prefill_work.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "measure/stopwatch.hpp"
#include "model/spread_queries.hpp"
#include "press/appendix_run.hpp"
#include "press/draft_run.hpp"
#include "press/further_reading.hpp"
#include "press/pass_run.hpp"
#include "press/passes.hpp"

namespace kvhost {

int64_t count(const KeepPlan& keep) {
  int64_t n = 0;
  for (const auto& head : keep.heads) n += static_cast<int64_t>(head.size());
  return n;
}

LayerInputs layer_inputs(const PressedSequence& on, int64_t layer, const kvh_exec& exec) {
  LayerInputs in;
  in.layer = layer;
  in.cache = &on.cache;
  in.window_rows = on.press.window_of(KVH_T_WINDOW_ATTENTION);
  if (on.press.needs_tensor(KVH_T_OUTPUT_WEIGHT))
    in.output_weight = std::make_shared<const at::Tensor>(on.decoder.output_weight(layer));
  in.model = on.press.model(on.decoder);
  const int64_t short_positions = on.decoder.config().rope.short_positions;
  if (short_positions > 0 && on.cache.n_first() > short_positions) {
    in.own_model = std::make_shared<const ModelView>(
        on.decoder.config(), on.cache.layout().dtype, on.cache.n_first());
    in.model = in.own_model->get(on.decoder.weights());
  }
  in.exec = &exec;
  in.sliding_window = on.decoder.config().window_of(layer);
  in.n_prompt = on.n_prompt;
  return in;
}

double keep_ratio_of(int64_t total, int64_t full) {
  return full > 0 ? static_cast<double>(total) / static_cast<double>(full) : 1;
}

namespace {

kvh_sequence_info prefill_info(uint64_t seed, int64_t kv_len, const PromptView* prompt) {
  kvh_sequence_info info = sequence_info(KVH_PHASE_PREFILL, seed, kv_len);
  if (!prompt) return info;
  info.parts = prompt->get()->parts;
  info.n_parts = prompt->get()->n_parts;
  return info;
}

// Entries per KV head that methods put behind this prompt: none where nothing is dropped. They are
// part of the budget, and not all of it.
int64_t appended_to(const PressedSequence& on, int64_t total_entries, int64_t full) {
  const int64_t n = on.press.n_appended();
  if (n == 0 || total_entries >= full) return 0;
  const ModelConfig& config = on.decoder.config();
  const int64_t per_head = total_entries / (config.n_layers * config.n_kv_heads);
  if (per_head <= n)
    bad_request("budget",
                std::to_string(per_head) + " entries per head, of which '" +
                    on.press.first().late_part()->name() + "' puts " + std::to_string(n) +
                    " behind the prompt; expected more than that");
  return n;
}

}  // namespace

void check_prompt(const Press& press, const SeenPrompt& prompt, uint64_t seed) {
  const PromptView view(prompt);
  const auto info = prefill_info(seed, static_cast<int64_t>(prompt.tokens.size()), &view);
  for (const auto& stage : press.stages()) const StageState state(stage, info);
}

PrefillWork::PrefillWork(const PressedSequence& on,
                         int64_t total_entries,
                         int64_t kv_len,
                         PressTrace& trace)
    : on_(on),
      exec_(make_exec(on.press.context(), on.seed)),
      bounds_(layer_bounds(on.decoder.config(), kv_len)),
      full_(everything(bounds_).total()),
      n_appended_(appended_to(on, total_entries, full_)),
      total_entries_(total_entries - n_appended_ * n_layers() * n_kv_heads()),
      totals_(on.press.totals(full_, total_entries_)),
      trace_(trace),
      budgets_(on.press.stages().size()) {
  on_.n_prompt = kv_len;
  if (on.prompt) prompt_.emplace(*on.prompt);
  const auto info = prefill_info(on.seed, kv_len, prompt_ ? &*prompt_ : nullptr);
  for (const auto& stage : on.press.stages())
    stages_.emplace_back(stage, info, on.cache, on.timings);
}

PrefillWork::~PrefillWork() = default;

const LayerBudgets& PrefillWork::last_budgets() const {
  for (size_t s = stages_.size(); s-- > 1;)
    if (stages_[s].stage.selects()) return budgets_[s];
  return budgets_.front();
}

void PrefillWork::divide_known() {
  const Stopwatch watch(on_.timings.allocate_ms);
  const auto state_of = [this](size_t s) -> StageState& { return stages_[s].state; };
  divide_over_stages(on_.press, state_of, bounds_, total_entries_, budgets_);
}

LayerBudgets PrefillWork::divide_first(int64_t n_observed, std::span<ScoresView> scores) {
  const Stopwatch watch(on_.timings.allocate_ms);
  StageRun& first = stages_.front();
  return divide_over_layers(first.stage, first.state, bounds_, first_total(), n_observed, scores);
}

int64_t PrefillWork::n_pass_tokens() const {
  int64_t n = 0;
  if (prompt_)
    for (const Instance* method : reading_again(first_stage()))
      n += reading_cost(*method, *prompt_).n_tokens;
  return n;
}

void PrefillWork::read_again(const at::Tensor* logits,
                             const std::function<LayerInputs(int64_t layer)>& inputs_of,
                             const ProgressSink& progress) {
  const Stopwatch watch(on_.timings.passes_ms);
  const auto methods = reading_again(first_stage());
  if (!prompt_ && !methods.empty())
    run_failed(methods.front()->name(),
               "reads the prompt again, which is not known here; expected a sequence of its own");
  const auto all = static_cast<double>(n_pass_tokens());
  double done = 0;
  const auto tell = [&](double n_tokens) {
    if (progress) progress((done + n_tokens) / all);
  };
  for (const Instance* method : methods) {
    if (!passes_of(*method)) continue;
    PassRun passes(on_, exec_, *prompt_, *method, state_of(*method));
    passes.run(tell);
    done += static_cast<double>(passes.cost().n_tokens);
  }
  // Drafts are read on what a scorer keeps, which may go by its passes.
  for (const Instance* method : methods) {
    if (!draft_of(*method)) continue;
    draft(*method, logits, inputs_of, tell);
    done += static_cast<double>(draft_tokens(*method));
  }
  read_appendices();
}

SequenceState& PrefillWork::state_of(const Instance& method) {
  return stages_.front().state.of(method);
}

void PrefillWork::draft(const Instance& method,
                        const at::Tensor* logits,
                        const std::function<LayerInputs(int64_t layer)>& inputs_of,
                        const std::function<void(double)>& tell) {
  if (!logits)
    run_failed(method.name(),
               "drafts an answer, and what follows the prompt is not known here; expected a "
               "sequence of its own");
  DraftRun draft(on_, exec_, method, state_of(method));
  draft.run(*logits, inputs_of, prompt_->get(), tell);
  peak_draft_bytes_ = std::max(peak_draft_bytes_, draft.bytes());
}

// Behind all passes, which leave the cache as they found it.
void PrefillWork::read_appendices() {
  const auto methods = appending(first_stage());
  if (n_appended_ == 0) return;
  appendix_ = std::make_unique<AppendixRun>(on_, exec_);
  for (const Instance* method : methods) appendix_->read(*method);
}

void PrefillWork::append() {
  if (appendix_) appendix_->append();
}

LayerInputs PrefillWork::inputs(int64_t layer, const LayerCapture& windows) const {
  LayerInputs in = layer_inputs(on_, layer, exec_);
  in.phase = KVH_PHASE_PREFILL;
  in.n_seen = in.q_len = bounds_.kv_len;
  in.total_entries = first_total();
  in.keep_ratio = keep_ratio_of(first_total(), full_);
  in.prompt = prompt_ ? prompt_->get() : nullptr;
  const auto there = [](const at::Tensor* rows) { return rows && rows->defined() ? rows : nullptr; };
  in.queries = there(windows.queries);
  in.hidden = there(windows.hidden);
  in.spread = windows.spread && windows.spread->rows.defined() ? windows.spread : nullptr;
  return in;
}

void PrefillWork::observe(LayerData& data) {
  show_allocators(stages_.front(), data, on_.timings);
}

void show_allocators(StageRun& first, LayerData& data, Timings& timings) {
  const auto show = [&](const Instance& allocator, SequenceState& state, auto observe) {
    if (!observe) return;
    {
      const Stopwatch watch(timings.score_ms);  // what is looked at serves the scorer too
      data.prepare(allocator, state);
    }
    const Stopwatch watch(timings.allocate_ms);
    data.call("observe()", allocator, state, [&](const kvh_layer& frame, kvh_error* error) {
      return observe(allocator.get(), state.get(), &frame, error);
    });
  };
  if (const Instance* allocator = first.stage.layer_allocator())
    show(*allocator,
         first.state.layer_allocator(),
         allocator->functions<kvh_layer_allocator>()->observe);
  if (const Instance* allocator = first.stage.head_allocator();
      allocator && allocator == first.stage.observer())
    show(*allocator,
         first.state.head_allocator(),
         allocator->functions<kvh_head_allocator>()->observe);
}

LayerScores PrefillWork::score_first(LayerData& data, int64_t layer) {
  LayerScores scores = stages_.front().cutter.score(data, layer);
  if (trace_.keep_scores) {
    trace_.scores.resize(static_cast<size_t>(n_layers()));
    trace_.scores[layer] = scores.scores;
  }
  return scores;
}

KeepPlan PrefillWork::cut_first(LayerData& data,
                                int64_t layer,
                                int64_t entries,
                                LayerScores& scores) {
  const auto heads = budgets_.front().heads_of(layer);
  const KeepPlan keep = stages_.front().cutter.cut(data, layer, entries, scores, heads);
  if (first_stage().head_owns_total()) budgets_.front().entries[layer] = count(keep);
  return keep;
}

void PrefillWork::apply(size_t stage, LayerData& data) {
  StageRun& run = stages_[stage];
  const int64_t layer = data.layer();
  LayerScores scores;
  int64_t entries = 0;
  data.set_total(totals_[stage], keep_ratio_of(totals_[stage], full_));
  if (run.stage.selects()) {
    entries = budgets_[stage].entries[layer];
    data.set_layer_budget(entries);
    scores = stage == 0 ? score_first(data, layer) : run.cutter.score(data, layer);
  }
  const auto heads = budgets_[stage].heads_of(layer);
  const KeepPlan keep = run.cutter.cut(data, layer, entries, scores, heads);
  if (run.stage.head_owns_total()) budgets_[stage].entries[layer] = count(keep);
}

void PrefillWork::apply_later_stages(const LayerInputs& inputs) {
  for (size_t s = 1; s < stages_.size(); ++s) {
    LayerData data(inputs);
    apply(s, data);
  }
}

}  // namespace kvhost
