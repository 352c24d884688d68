// SPDX-License-Identifier: Apache-2.0
// Eviction while generating: every n tokens each layer is scored again and cut back to its budget.
// Lazily, because a cut per token would move the whole cache per token; positions stay absolute.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <vector>

#include "press/cutter.hpp"
#include "press/layer_budgets.hpp"
#include "press/press.hpp"

namespace kvhost {

struct DecodePolicy {
  int64_t every = 64;  // tokens between cuts
  // Kept per KV head on average after a cut; kOwn: as the method's own parameters say.
  int64_t entries_per_head = 0;
  static constexpr int64_t kOwn = -1;
  double keep_ratio = 0;  // > 0: instead, this share of all tokens seen so far
};

class DecodeRun {
 public:
  // Refuses compositions whose layer allocator must see a prefill (Error BadRequest).
  DecodeRun(const Press& press,
            const Decoder& decoder,
            KvCache& cache,
            const DecodePolicy& policy,
            uint64_t seed,
            Timings& timings);

  CaptureRequest capture() const { return capture_; }
  // Announces a forward of n tokens; decides whether its layers will be cut.
  void begin_forward(int64_t n_tokens);
  void on_layer(int64_t layer, const LayerCapture& capture);
  // After the last layer of the forward that was announced.
  void end_forward();
  int64_t n_cuts() const { return n_cuts_; }

 private:
  struct Rings {         // the last W rows, over forwards
    at::Tensor queries;  // [n_heads, W, head_dim]
    at::Tensor hidden;   // [W, hidden_size]
  };

  void remember(int64_t layer, const LayerCapture& capture);
  int64_t entries_per_head(int64_t n_seen) const;
  void divide(int64_t n_seen);
  LayerInputs inputs(int64_t layer) const;
  void apply(StageRun& run, int64_t entries, int64_t layer);

  const Press& press_;
  const Decoder& decoder_;
  KvCache& cache_;
  DecodePolicy policy_;
  CaptureRequest capture_;
  kvh_exec exec_;
  std::deque<StageRun> stages_;
  std::vector<LayerBudgets> budgets_;  // by stage, of the current cut; empty where none selects
  std::vector<Rings> rings_;
  int64_t since_cut_ = 0, n_tokens_ = 0, n_cuts_ = 0;
  bool due_ = false;
};

}  // namespace kvhost
