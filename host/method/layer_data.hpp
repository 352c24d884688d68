// SPDX-License-Identifier: Apache-2.0
// One layer of one sequence as methods may see it. What several methods need is computed once and
// shared; each method gets a frame with exactly the windows it asked for.
#pragma once

#include <exception>
#include <memory>
#include <vector>

#include "cache/kv_cache.hpp"
#include "kvhost/plugin.h"
#include "method/instance.hpp"

namespace at {
class Tensor;
}

namespace kvhost {

class LayerData;
class ModelView;
struct SpreadQueries;

// The kvh_layer handed to a method. Wrappers hand it or a copy back to reach their inner scorer, so
// it knows where it came from: `impl` is a number that no other frame of the process has.
struct LayerFrame : kvh_layer {
  LayerData* data = nullptr;
  const SequenceState* state = nullptr;  // of the method that was called
};

// Everything about the layer that the runtime knows when a method is called.
struct LayerInputs {
  int32_t phase = KVH_PHASE_PREFILL;
  int64_t layer = 0;
  int64_t n_seen = 0;  // tokens processed, this forward included
  int64_t q_len = 0;
  int64_t n_prompt = -1;       // as kvh_layer has them
  int64_t layer_budget = -1;
  int64_t total_entries = -1;
  double keep_ratio = 1;
  const KvCache* cache = nullptr;
  const at::Tensor* queries = nullptr;  // [n_heads, W, head_dim] of the last W tokens, or null
  const SpreadQueries* spread = nullptr;  // of all tokens of the prompt, or null
  int64_t window_rows = 0;  // largest window of attention that any method asks for; -1 = all
  const at::Tensor* hidden = nullptr;         // [W, hidden_size], or null
  std::shared_ptr<const at::Tensor> output_weight;  // [hidden_size, n_heads * head_dim], or null
  const kvh_model* model = nullptr;
  std::shared_ptr<const ModelView> own_model;  // keeps `model` where it is this sequence's alone
  const kvh_exec* exec = nullptr;
  int64_t sliding_window = 0;  // of this layer
  const kvh_prompt* prompt = nullptr;  // null where it is not known
};

// While one lives, the calling thread's plugin may hand back this frame and no other: what it kept
// of another call leads nowhere.
class ShownFrame {
 public:
  explicit ShownFrame(const LayerFrame& frame);
  ~ShownFrame();
  ShownFrame(const ShownFrame&) = delete;
  ShownFrame& operator=(const ShownFrame&) = delete;
  static const LayerFrame* innermost();

 private:
  const LayerFrame* outer_;
};

class LayerData {
 public:
  explicit LayerData(const LayerInputs& inputs);
  // Some entries of the layer, as if there were no others. `spans` [n_kv_heads] outlive this.
  LayerData(const LayerInputs& inputs, std::vector<HeadSpan> spans);
  ~LayerData();
  LayerData(const LayerData&) = delete;
  LayerData& operator=(const LayerData&) = delete;

  void set_layer_budget(int64_t entries) { inputs_.layer_budget = entries; }
  // What all layers keep together, and its share of all there is.
  void set_total(int64_t entries, double keep_ratio) {
    inputs_.total_entries = entries;
    inputs_.keep_ratio = keep_ratio;
  }
  int64_t layer() const { return inputs_.layer; }
  int64_t n_seen() const { return inputs_.n_seen; }
  const std::vector<int64_t>& n_entries() const { return n_entries_; }

  // Computes what `instance` looks at, so that the call itself costs only what the method does.
  void prepare(const Instance& instance, const SequenceState& state) {
    make_frame(instance, state);
  }

  // Score by `instance` into `out` (pins zeroed by the caller). Throws Error.
  void score(const Instance& instance, const SequenceState& state, kvh_scores* out);
  // [inside a wrapper's score()] `layer_budget` is what the wrapper says.
  kvh_status score_inner(const Instance& inner,
                         const LayerFrame& parent,
                         int64_t layer_budget,
                         kvh_scores* out,
                         kvh_error* error) noexcept;

  // [inside a wrapper's score()]
  kvh_status score_part(const Instance& inner,
                        const LayerFrame& parent,
                        const kvh_part& part,
                        kvh_scores* out,
                        kvh_error* error) noexcept;

  // Calls body(frame) with what `instance` asked for; a non-zero status becomes an Error.
  template <class Body>
  void call(const char* function,
            const Instance& instance,
            const SequenceState& state,
            const Body& body) {
    const auto frame = make_frame(instance, state);
    const ShownFrame shown(frame->layer);
    FencedError fenced;
    const kvh_status status = instance.enter(
        function, inputs_.layer, [&] { return body(frame->layer, &fenced.error); });
    if (status != KVH_OK && !fenced.broken()) rethrow_inner();
    inner_ = nullptr;
    instance.check_answer(function, inputs_.layer, status, fenced);
  }

 private:
  struct Frame;  // a LayerFrame and the arrays it points to
  struct Owned {
    LayerFrame layer;
    std::unique_ptr<Frame> arrays;
    Owned();
    ~Owned();
  };
  struct Shared;  // tensors computed on demand

  // What went wrong inside a wrapper's inner scorer crosses the plugin boundary as a status; the
  // error itself waits here.
  kvh_status keep_inner(kvh_error* error) noexcept;
  void rethrow_inner();

  std::unique_ptr<Owned> make_frame(const Instance& instance, const SequenceState& state);
  bool is_shown(const Instance& instance, const kvh_need& need) const;
  void add_heads(const Instance& instance, Owned& owned);
  void add_window_attention(size_t need, int64_t window, Owned& owned);
  // False where the prompt's queries are not there.
  bool add_spread_queries(size_t need, int64_t n, Owned& owned);
  void add_attention_sum(size_t need, int64_t window, Owned& owned);
  void add_need(const Instance& instance, size_t index, Owned& owned);
  [[noreturn]] void missing(const Instance& instance, const kvh_need& need) const;

  LayerInputs inputs_;
  std::vector<int64_t> n_entries_;
  std::unique_ptr<Shared> shared_;
  std::exception_ptr inner_;
};

}  // namespace kvhost
