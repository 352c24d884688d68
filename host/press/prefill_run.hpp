// SPDX-License-Identifier: Apache-2.0
// Compression of one prompt: fed layer by layer by the decoder, cuts each layer as early as the
// composition allows.
#pragma once

#include <cstdint>
#include <memory>

#include "press/prefill_work.hpp"
#include "press/schedule.hpp"

namespace kvhost {

class PrefillRun {
 public:
  PrefillRun(const PressedSequence& on, int64_t total_entries, int64_t kv_len, PressTrace& trace);

  // The decoder's sink.
  void on_layer(int64_t layer, const LayerCapture& capture);
  // After the last layer: further passes of the methods, and the final cuts. `progress` is told the
  // passes' share done. `logits`: float32 [vocab_size] behind the last token, for methods that
  // draft.
  void finish(const ProgressSink& progress = {}, const at::Tensor* logits = nullptr);

  // Of all tokens that are read, the share of the passes behind the prompt.
  double passes_share() const;

  // Of the last selection, with what stands behind the prompt.
  LayerBudgets budgets() const;
  // Highest size of retained scores and windows.
  int64_t peak_extra_bytes() const { return peak_extra_bytes_; }

 private:
  void note_extra();

  const ModelConfig& config_;
  PrefillWork work_;
  std::unique_ptr<Schedule> schedule_;
  int64_t peak_extra_bytes_ = 0;
};

}  // namespace kvhost
