// SPDX-License-Identifier: Apache-2.0
#include "press/prefill_run.hpp"

#include <algorithm>
#include <optional>

#include "method/finite_keys.hpp"

namespace kvhost {

PrefillRun::PrefillRun(const PressedSequence& on,
                       int64_t total_entries,
                       int64_t kv_len,
                       PressTrace& trace)
    : config_(on.decoder.config()),
      work_(on, total_entries, kv_len, trace),
      schedule_(make_schedule(work_)) {}

void PrefillRun::on_layer(int64_t layer, const LayerCapture& capture) {
  check_keys(work_.press().first().name(), work_.cache(), layer);
  const LayerInputs in = work_.inputs(layer, capture);
  // One view for observation and scores, so that what both look at is computed once; a layer of
  // which something was dropped in between is another one.
  std::optional<LayerData> data(std::in_place, in);
  work_.observe(*data);
  if (drop_unseen(config_, layer, work_.kv_len(), work_.cache())) data.emplace(in);
  schedule_->on_layer(*data, in);
  note_extra();
}

double PrefillRun::passes_share() const {
  const auto again = static_cast<double>(work_.n_pass_tokens());
  return again / (again + static_cast<double>(work_.kv_len()));
}

void PrefillRun::finish(const ProgressSink& progress, const at::Tensor* logits) {
  note_extra();
  if (work_.first_stage().reads_again())
    work_.read_again(
        logits, [this](int64_t layer) { return schedule_->held_inputs(layer); }, progress);
  note_extra();
  schedule_->finish();
  work_.append();
  if (work_.press().renumbers()) work_.cache().continue_behind_last();
}

LayerBudgets PrefillRun::budgets() const {
  LayerBudgets budgets = work_.last_budgets();
  const int64_t n = work_.n_appended();
  for (int64_t& entries : budgets.entries) entries += n * work_.n_kv_heads();
  for (int64_t& entries : budgets.heads) entries += n;
  return budgets;
}

void PrefillRun::note_extra() {
  peak_extra_bytes_ =
      std::max(peak_extra_bytes_, schedule_->extra_bytes() + work_.peak_draft_bytes());
}

}  // namespace kvhost
