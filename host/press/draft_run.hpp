// SPDX-License-Identifier: Apache-2.0
// A draft of the answer for one method: a copy of the cache that holds what the method says, greedy
// tokens on it, their queries shown layer by layer. The prompt's cache is only read.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "press/further_reading.hpp"
#include "press/prefill_work.hpp"

namespace kvhost {

class DraftRun {
 public:
  // How a layer of the prompt was, windows included.
  using LayerInputsOf = std::function<LayerInputs(int64_t layer)>;

  // All outlive the run.
  DraftRun(const PressedSequence& on,
           const kvh_exec& exec,
           const Instance& method,
           SequenceState& state);

  int64_t n_tokens() const { return n_tokens_; }
  int64_t bytes() const { return bytes_; }  // of the copy, once it ran
  // `logits`: float32 [vocab_size] behind the prompt's last token.
  void run(const at::Tensor& logits,
           const LayerInputsOf& inputs_of,
           const kvh_prompt* prompt,
           const std::function<void(double n_tokens)>& progress);

 private:
  KeepPlan choose(LayerData& data, int64_t layer);
  KvCache cut_copy(const LayerInputsOf& inputs_of);
  void read(KvCache& cache, const at::Tensor& logits, const std::function<void(double)>& progress);
  void show(const KvCache& cache, const kvh_prompt* prompt);

  const PressedSequence& on_;
  const kvh_exec& exec_;
  const Instance& method_;
  SequenceState& state_;
  const kvh_draft& draft_;
  int64_t n_tokens_;
  int64_t bytes_ = 0;
  std::vector<int32_t> tokens_;
  std::vector<std::vector<at::Tensor>> queries_;  // [n_layers][tokens][n_heads, 1, head_dim]
};

}  // namespace kvhost
