// SPDX-License-Identifier: Apache-2.0
// Passes of one method behind the prompt: the host reads the method's tokens over the whole cache,
// reduces every layer's attention to the columns that were asked for, shows them, and drops the
// pass's entries again.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "press/passes.hpp"
#include "press/prefill_work.hpp"

namespace kvhost {

class PassRun {
 public:
  // All outlive the run. Throws Error when the method states no cost.
  PassRun(const PressedSequence& on,
          const kvh_exec& exec,
          const PromptView& prompt,
          const Instance& method,
          SequenceState& state);

  const kvh_pass_cost& cost() const { return cost_; }
  // `progress` is told the tokens done; it may throw to stop, and then the cache still holds what
  // was read.
  void run(const std::function<void(double n_tokens)>& progress);

 private:
  kvh_pass next(int64_t index);
  void check(const kvh_pass& pass) const;
  void read(const kvh_pass& pass, const ProgressSink& progress);
  void on_layer(const kvh_pass& pass, int64_t layer, const LayerCapture& capture);
  void show(const kvh_pass& pass, int64_t layer, const LayerCapture& capture, kvh_columns& columns);
  // What every row counts for in `layer`; none: 1.
  at::Tensor row_weights(const kvh_pass& pass, int64_t layer, const LayerCapture& capture) const;
  void differentiate(const kvh_pass& pass, const ProgressSink& progress);

  const PressedSequence& on_;
  const kvh_exec& exec_;
  const PromptView& prompt_;
  const Instance& method_;
  SequenceState& state_;
  const kvh_passes& passes_;
  kvh_pass_cost cost_;
  int64_t n_prompt_;
  std::vector<at::Tensor> gradients_;  // [n_layers][n_tokens] of the pass under way, where wanted
};

}  // namespace kvhost
