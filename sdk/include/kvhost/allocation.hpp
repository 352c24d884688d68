// SPDX-License-Identifier: Apache-2.0
// What allocators and presses answer with.
#pragma once

#include "args.hpp"

namespace kvhost::sdk {

// A layer allocator's question: how many entries for each layer?
class LayerRequest {
 public:
  explicit LayerRequest(const kvh_layer_request& raw) : raw_(&raw) {}
  explicit LayerRequest(const kvh_layer_request&&) = delete;

  bool decoding() const { return raw_->phase == KVH_PHASE_DECODE; }
  int32_t n_layers() const { return raw_->n_layers; }
  int32_t n_kv_heads() const { return raw_->n_kv_heads; }
  int32_t n_observed() const { return raw_->n_observed; }
  int64_t kv_len() const { return raw_->kv_len; }
  int64_t total_entries() const { return raw_->total_entries; }
  int64_t min_entries(int32_t layer) const { return raw_->min_entries[layer]; }  // over all heads
  int64_t max_entries(int32_t layer) const { return raw_->max_entries[layer]; }
  // What the scorer gave the layer's entries. [throws] KVH_E_NEED_MISSING before the final call, or
  // where the description does not say needs_scores().
  ScoreView scores(int32_t layer) const {
    if (!raw_->scores)
      need_missing("the scores of all layers are not known yet; this allocator needs them");
    return ScoreView(*raw_->scores[layer]);
  }
  // Entries per layer and head on average.
  double entries_per_head() const {
    return static_cast<double>(total_entries()) /
           (static_cast<double>(n_layers()) * static_cast<double>(n_kv_heads()));
  }

 private:
  const kvh_layer_request* raw_;
};

class LayerAnswer {
 public:
  LayerAnswer(kvh_layer_answer& raw, int32_t n_layers) : raw_(&raw), n_layers_(n_layers) {}

  // Real shares on any common scale; the host apportions the total exactly. Fewer than n_layers
  // while the rest is unobserved.
  void shares(const std::vector<double>& values) {
    fill(values, raw_->shares);
    raw_->exact = 0;
  }
  // Whole entries, used as they are.
  void entries(const std::vector<int64_t>& values) {
    fill(values, raw_->entries);
    raw_->exact = 1;
  }
  // Likewise for every head: [n_layers * n_kv_heads], of all layers, at the final call.
  void head_entries(const std::vector<int64_t>& values) {
    const auto n_heads = static_cast<int64_t>(values.size()) / n_layers_;
    std::vector<int64_t> sums(static_cast<size_t>(n_layers_));
    for (size_t i = 0; i < values.size(); ++i) sums[i / static_cast<size_t>(n_heads)] += values[i];
    entries(sums);
    for (size_t l = 0; l < sums.size(); ++l)
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(l) * n_heads, n_heads, raw_->head_entries[l]);
    raw_->heads_exact = 1;
  }
  // What was learned per layer, for reports. `name` has 31 letters at most.
  void observed(const char* name, const std::vector<double>& values) {
    fill(values, raw_->observed);
    const size_t n = std::min(std::strlen(name), sizeof raw_->observed_name - 1);
    std::memcpy(raw_->observed_name, name, n);
    raw_->observed_name[n] = '\0';
  }

 private:
  template <typename T>
  void fill(const std::vector<T>& values, T* to) const {
    if (static_cast<int64_t>(values.size()) > n_layers_) {
      bad_shape("an answer for " + std::to_string(values.size()) + " layers; expected at most " +
                std::to_string(n_layers_));
    }
    std::copy(values.begin(), values.end(), to);
  }

  kvh_layer_answer* raw_;
  int32_t n_layers_;
};

// What a press sees of the selection, and what it may rewrite.
class Edit {
 public:
  explicit Edit(const kvh_edit& raw) : raw_(&raw) {}
  explicit Edit(const kvh_edit&&) = delete;

  int32_t n_kv_heads() const { return raw_->n_kv_heads; }
  int64_t n_kept(int32_t h) const { return raw_->n_kept[h]; }
  const int32_t* kept(int32_t h) const { return raw_->kept[h]; }  // [n_kept] ascending indices
  // Of the kept entries, to be rewritten; only what the description declares to edit.
  float* values(int32_t h) const { return raw_->values[h]; }          // [n_kept, d]
  float* keys(int32_t h) const { return raw_->keys[h]; }              // [n_kept, d] RoPE applied
  int32_t* positions(int32_t h) const { return raw_->positions[h]; }  // [n_kept] ascending
  // [d] 1: the channel stays in the keys, 0: it goes. Ones at first; as many must stay in every head.
  uint8_t* channels(int32_t h) const { return raw_->channels[h]; }

  // [n] what the selection went by; NULL when nothing was selected.
  const float* scores(int32_t h) const { return raw_->scores ? raw_->scores[h] : nullptr; }

 private:
  const kvh_edit* raw_;
};

}  // namespace kvhost::sdk
