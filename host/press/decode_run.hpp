// SPDX-License-Identifier: Apache-2.0
// Eviction while generating: every n tokens each layer is scored again and cut back to its budget.
// Lazily, because a cut per token would move the whole cache per token; positions stay absolute.
// Where an allocator decides from all layers, they are cut together behind the last one.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "measure/run_report.hpp"
#include "press/decode_snapshot.hpp"
#include "press/prefill_work.hpp"

namespace kvhost {

struct DecodePolicy {
  int64_t every = 64;  // tokens between cuts
  // Kept per KV head on average after a cut; kOwn: as the method's own parameters say.
  int64_t entries_per_head = 0;
  static constexpr int64_t kOwn = -1;
  double keep_ratio = 0;  // > 0: instead, this share of all tokens seen so far
};

// Refuses what cannot run while tokens are generated: a method that reads the prompt again, or looks
// at the queries of all tokens. Throws Error(BadRequest).
void check_decodes(const Press& press);

class DecodeRun {
 public:
  // `on.press` is one that check_decodes() let pass.
  DecodeRun(const PressedSequence& on, const DecodePolicy& policy);
  // Goes on as `from` would, on a copy of its sequence. Throws Error when a method of the
  // composition keeps a state of its own that cannot be copied, and has begun to.
  DecodeRun(const DecodeRun& from, const PressedSequence& on);
  // Goes on from a snapshot that was in `file`, on the cache that was saved beside it. Throws
  // Error(CannotLoad) where it is none, or of other methods.
  DecodeRun(const DecodeSnapshot& from,
            const std::string& file,
            const PressedSequence& on,
            const DecodePolicy& policy);

  CaptureRequest capture() const { return capture_; }
  // Tokens that a forward may have at most, so that the next cut falls behind its last one: what is
  // kept does not depend on how a text is divided into forwards.
  int64_t n_until_cut() const { return policy_.every - since_cut_; }
  // Announces a forward of n tokens; decides whether its layers will be cut.
  void begin_forward(int64_t n_tokens);
  void on_layer(int64_t layer, const LayerCapture& capture);
  // After the last layer of the forward that was announced.
  void end_forward();
  const std::vector<DecodeCut>& cuts() const { return cuts_; }
  // Empty while nothing is to be kept. Throws Error, naming the method, when a state that was used
  // cannot be saved.
  DecodeSnapshot snapshot() const;
  // What keeps the sequence from going back to its first `n_tokens` tokens, in words; "" when nothing
  // does. Then go_back(), before the cache forgets them.
  std::string why_not_back(int64_t n_tokens) const;
  void go_back(int64_t n_tokens);

 private:
  struct Parts {};  // without stages
  DecodeRun(Parts, const PressedSequence& on, const DecodePolicy& policy);

  struct Rings {         // the last W rows, over forwards
    at::Tensor queries;  // [n_heads, W, head_dim]
    at::Tensor hidden;   // [W, hidden_size]
  };

  void remember(int64_t layer, const LayerCapture& capture);
  int64_t entries_per_head(int64_t n_seen) const;
  void divide();
  void cut_together();
  std::vector<LayerScores> score_all();
  LayerBounds held_bounds() const;
  LayerInputs inputs(int64_t layer) const;
  LayerInputs inputs(size_t stage, int64_t layer) const;
  // `given`: what the stage's scorer said of the layer as it is, or null.
  void apply(size_t stage, int64_t layer, LayerScores* given = nullptr);

  PressedSequence on_;
  DecodePolicy policy_;
  CaptureRequest capture_;
  kvh_exec exec_;
  std::deque<StageRun> stages_;
  std::vector<LayerBudgets> budgets_;  // by stage, of the current cut; empty where none selects
  int64_t full_ = 0;                   // entries of all layers, nothing cut, likewise
  std::vector<int64_t> totals_;        // that each stage leaves of them
  std::vector<Rings> rings_;
  std::vector<DecodeCut> cuts_;
  int64_t since_cut_ = 0, n_tokens_ = 0;
  int64_t n_seen_ = 0;  // with the forward that was announced
  bool due_ = false, together_ = false;
};

}  // namespace kvhost
