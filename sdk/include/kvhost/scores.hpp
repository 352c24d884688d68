// SPDX-License-Identifier: Apache-2.0
// The scorer's output, the child of a wrapper, and the numeric form of pins.
#pragma once

#include <algorithm>
#include <limits>

#include "layer.hpp"

namespace kvhost::sdk {

// What a scorer said, to be read.
class ScoreView {
 public:
  explicit ScoreView(const kvh_score_view& raw) : raw_(raw) {}

  int32_t n_kv_heads() const { return raw_.n_kv_heads; }
  int64_t n_entries(int32_t h) const { return raw_.n_entries[h]; }
  const float* row(int32_t h) const { return raw_.scores[h]; }     // [n]
  const int8_t* pin_row(int32_t h) const { return raw_.pins[h]; }  // [n]

 private:
  kvh_score_view raw_;
};

// Larger = keep. Pins stand beside the scores: > 0 keep first (higher value first, then the later
// position), < 0 drop first, 0 by score. They start at zero; every score must be written and
// finite.
class Scores {
 public:
  explicit Scores(const kvh_scores& raw) : raw_(raw) {}

  int32_t n_kv_heads() const { return raw_.n_kv_heads; }
  int64_t n_entries(int32_t h) const { return raw_.n_entries[h]; }
  float* row(int32_t h) const { return raw_.scores[h]; }     // [n]
  int8_t* pin_row(int32_t h) const { return raw_.pins[h]; }  // [n]

  // Pins entries [begin, end) of a head.
  void pin(int32_t h, int64_t begin, int64_t end, int8_t value = 1) const {
    for (int64_t i = begin; i < end; ++i) raw_.pins[h][i] = value;
  }

  // Largest score over all heads among entries that are not pinned to stay; 0 when there is none.
  float max_unpinned() const {
    float best = -std::numeric_limits<float>::infinity();
    for (int32_t h = 0; h < n_kv_heads(); ++h) {
      for (int64_t i = 0; i < n_entries(h); ++i) {
        if (raw_.pins[h][i] <= 0) best = std::max(best, raw_.scores[h][i]);
      }
    }
    return best == -std::numeric_limits<float>::infinity() ? 0.0f : best;
  }

  // kvpress's numeric protection: entries pinned to stay get the layer's largest score plus one.
  // Pins are kept.
  void set_pinned_to_max_plus_one() const {
    const auto value = static_cast<float>(static_cast<double>(max_unpinned()) + 1.0);
    for (int32_t h = 0; h < n_kv_heads(); ++h) {
      for (int64_t i = 0; i < n_entries(h); ++i) {
        if (raw_.pins[h][i] > 0) raw_.scores[h][i] = value;
      }
    }
  }

  operator ScoreView() const {
    return ScoreView({sizeof(kvh_score_view), raw_.n_kv_heads, raw_.n_entries, raw_.scores, raw_.pins});
  }
  const kvh_scores& raw() const { return raw_; }

 private:
  kvh_scores raw_;
};

// Scores of the same shape as another's that a wrapper owns.
class ScoreBuffer {
 public:
  explicit ScoreBuffer(const Scores& like) : ScoreBuffer(counts_of(like)) {}
  // [n_kv_heads] entries per head
  explicit ScoreBuffer(std::vector<int64_t> counts) : counts_(std::move(counts)) {
    const auto n_heads = static_cast<int32_t>(counts_.size());
    int64_t total = 0;
    for (const int64_t n : counts_) total += n;
    values_.resize(static_cast<size_t>(total));
    pins_.resize(static_cast<size_t>(total));
    int64_t begin = 0;
    for (int32_t h = 0; h < n_heads; ++h) {
      rows_.push_back(values_.data() + begin);
      pin_rows_.push_back(pins_.data() + begin);
      begin += counts_[static_cast<size_t>(h)];
    }
  }
  ScoreBuffer(const ScoreBuffer&) = delete;
  ScoreBuffer& operator=(const ScoreBuffer&) = delete;

  Scores scores() && = delete;  // the buffer would be gone
  Scores scores() & {
    return Scores({sizeof(kvh_scores),
                   static_cast<int32_t>(counts_.size()),
                   counts_.data(),
                   rows_.data(),
                   pin_rows_.data()});
  }

 private:
  static std::vector<int64_t> counts_of(const Scores& like) {
    std::vector<int64_t> counts;
    for (int32_t h = 0; h < like.n_kv_heads(); ++h) counts.push_back(like.n_entries(h));
    return counts;
  }

  std::vector<int64_t> counts_;
  std::vector<float> values_;
  std::vector<int8_t> pins_;
  std::vector<float*> rows_;
  std::vector<int8_t*> pin_rows_;
};

// The scorer inside a wrapper; get it from Args::child(), keep it in the instance.
class Child {
 public:
  explicit Child(const kvh_child& child) : child_(&child) {}
  explicit Child(const kvh_child&&) = delete;

  // [inside score()] Pass the layer you were called with, or one of a copy with another
  // layer_budget. [throws] the inner scorer's own error.
  void score(const Layer& layer, Scores& out) const {
    kvh_scores raw = out.raw();
    kvh_error error{sizeof(kvh_error), KVH_OK, {}, {}};
    const kvh_status status = child_->score(child_, &layer.raw(), &raw, &error);
    if (status != KVH_OK) throw Error(status, error.path, error.message);
  }
  // [inside score(), prefill, a wrapper that declares scores_parts()] Scores some entries as if
  // there were no others: `entries` [n_kv_heads] ascending indices, `n_seen` where the part ends.
  void score_part(const Layer& layer,
                  const std::vector<std::vector<int32_t>>& entries,
                  int64_t n_seen,
                  Scores& out) const {
    std::vector<const int32_t*> rows;
    std::vector<int64_t> counts;
    for (const auto& row : entries) {
      rows.push_back(row.data());
      counts.push_back(static_cast<int64_t>(row.size()));
    }
    const kvh_part part{
        sizeof(kvh_part), static_cast<int32_t>(rows.size()), counts.data(), rows.data(), n_seen};
    kvh_scores raw = out.raw();
    kvh_error error{sizeof(kvh_error), KVH_OK, {}, {}};
    const kvh_status status = child_->score_part(child_, &layer.raw(), &part, &raw, &error);
    if (status != KVH_OK) throw Error(status, error.path, error.message);
  }
  const char* name() const { return child_->name ? child_->name : ""; }

 private:
  const kvh_child* child_;
};

}  // namespace kvhost::sdk
