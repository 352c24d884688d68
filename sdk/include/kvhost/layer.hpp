// SPDX-License-Identifier: Apache-2.0
// What a method sees of one layer of one sequence: kvh_layer with names, checks and typed views.
#pragma once

#include "prompt.hpp"
#include "view.hpp"

namespace kvhost::sdk {

// One KV head; its entries are in ascending position order.
class Head {
 public:
  explicit Head(const kvh_head& head) : head_(&head) {}
  explicit Head(const kvh_head&&) = delete;

  int64_t n_entries() const { return head_->n_entries; }
  const int32_t* positions() const { return head_->positions; }  // [n]
  int32_t position(int64_t i) const { return head_->positions[i]; }
  Matrix keys() const { return Matrix(head_->keys); }      // [n, d] RoPE applied
  Matrix values() const { return Matrix(head_->values); }  // [n, d]

  // [group_size, W, n] softmax rows of the last W queries. [throws] KVH_E_NEED_MISSING when it was
  // not delivered.
  Cube window_attention() const {
    const kvh_tensor* rows = find(KVH_T_WINDOW_ATTENTION);
    if (!rows) need_missing("no window attention; declare it in needs()");
    return Cube(*rows);
  }

  // [group_size, n] column sums of the softmax rows of the window asked for. [throws]
  // KVH_E_NEED_MISSING
  Matrix attention_sum() const {
    const kvh_tensor* sums = find(KVH_T_ATTENTION_SUM);
    if (!sums) need_missing("no sums of attention; declare them in needs()");
    return Matrix(*sums);
  }

  // The first need of this tensor, or the need of this number; NULL when it was not delivered.
  const kvh_tensor* find(uint32_t id) const { return kvh_head_tensor(head_, id); }
  const kvh_tensor* find_need(uint32_t number) const { return kvh_head_need(head_, number); }

  // Number of leading entries whose position is below `position` (positions ascend).
  int64_t count_before(int64_t position) const {
    int64_t low = 0, high = head_->n_entries;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (head_->positions[middle] < position) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  const kvh_head& raw() const { return *head_; }

 private:
  const kvh_head* head_;
};

class Layer {
 public:
  explicit Layer(const kvh_layer& layer) : layer_(&layer) {}
  explicit Layer(const kvh_layer&&) = delete;

  int32_t index() const { return layer_->layer; }
  bool decoding() const { return layer_->phase == KVH_PHASE_DECODE; }
  int32_t n_kv_heads() const { return layer_->n_kv_heads; }
  int32_t n_heads() const { return layer_->shape->n_heads; }
  int32_t group_size() const { return n_heads() / n_kv_heads(); }
  int32_t head_dim() const { return layer_->shape->key_dim; }  // of keys, and of values as a rule
  int32_t value_dim() const { return layer_->shape->value_dim; }
  int64_t n_seen() const { return layer_->n_seen; }  // the next token's position
  int64_t kv_len() const { return layer_->kv_len; }
  int64_t n_prompt() const { return layer_->n_prompt; }  // positions below are its; -1: not known
  int64_t sliding_window() const { return layer_->shape->window; }  // tokens; 0: none
  const kvh_rope* rope() const { return layer_->shape->rope; }      // NULL: none
  const kvh_layer_shape& shape() const { return *layer_->shape; }
  const kvh_model& model() const { return *layer_->model; }
  Head head(int32_t h) const { return Head(*layer_->heads[h]); }
  uint64_t seed() const { return layer_->exec ? layer_->exec->seed : 0; }

  // [throws] KVH_E_NEED_MISSING where it is not given; declare reads_prompt().
  Prompt prompt() const {
    if (!layer_->prompt)
      need_missing("the prompt is not known here; expected to be called after a prefill");
    return Prompt(*layer_->prompt);
  }

  bool has_budget() const { return layer_->layer_budget >= 0; }
  // Entries this layer keeps over all heads. [throws] KVH_E_NEED_MISSING while it is unknown.
  int64_t layer_budget() const {
    if (!has_budget()) need_missing("the layer's budget is not known yet; this method needs it");
    return layer_->layer_budget;
  }
  // What all layers keep together of all there is, as the user said; 1 where no budget is divided.
  double keep_ratio() const { return layer_->keep_ratio; }
  int64_t total_entries() const { return layer_->total_entries; }  // -1: unknown

  // The first need of this tensor, or the need of this number; NULL when it was not delivered.
  const kvh_tensor* find(uint32_t id) const { return kvh_layer_tensor(layer_, id); }
  const kvh_tensor* find_need(uint32_t number) const { return kvh_layer_need(layer_, number); }
  // [throws] KVH_E_NEED_MISSING
  const kvh_tensor& get(uint32_t id) const {
    const kvh_tensor* t = find(id);
    if (!t) need_missing("tensor " + std::to_string(id) + " was not delivered");
    return *t;
  }

  // Poll in work longer than about 5 ms.
  void check_cancelled() const {
    const kvh_exec* exec = layer_->exec;
    if (exec && exec->cancelled && exec->cancelled(exec)) {
      throw Error(KVH_E_CANCELLED, "", "the host asked to stop");
    }
  }

  const kvh_layer& raw() const { return *layer_; }

 private:
  const kvh_layer* layer_;
};

}  // namespace kvhost::sdk
