// SPDX-License-Identifier: Apache-2.0
// What KVzip reads behind the prompt: chunk by chunk an instruction to repeat it, what the chat
// template puts before an answer, and the chunk itself.
#pragma once

#include <algorithm>
#include <kvhost/passes.hpp>

namespace kvhost::scorers {

class Replay {
 public:
  Replay(int64_t chunk_size, int64_t n_sink) : chunk_size_(chunk_size), n_sink_(n_sink) {}

  // What the chat template puts in front of the text is not repeated.
  int64_t n_passes(const sdk::Prompt& prompt) const {
    const int64_t n = prompt.n_tokens() - prompt.n_template();
    return (n + chunk_size_ - 1) / chunk_size_;
  }

  kvh_range chunk(const sdk::Prompt& prompt, int64_t index) const {
    const int64_t begin = prompt.n_template() + index * chunk_size_;
    return {begin, std::min(begin + chunk_size_, prompt.n_tokens())};
  }

  // Entries before the chunk that its softmax holds too.
  int64_t n_sink(const kvh_range& chunk) const { return std::min(n_sink_, chunk.begin); }

  // The pass over chunk `index`: its tokens, what it sees, which columns are wanted.
  void fill(const sdk::Prompt& prompt, int64_t index, sdk::Pass& pass) const {
    const kvh_range range = chunk(prompt, index);
    pass.tokens = beginning(prompt, index);
    pass.tokens.insert(
        pass.tokens.end(), prompt.tokens() + range.begin, prompt.tokens() + range.end);
    if (n_sink(range) > 0) pass.seen.push_back({0, n_sink(range)});
    pass.seen.push_back(range);
    pass.columns = range;
  }

  sdk::PassCost cost(const sdk::Prompt& prompt) const {
    sdk::PassCost cost;
    for (int64_t i = 0; i < n_passes(prompt); ++i) {
      const kvh_range range = chunk(prompt, i);
      const int64_t n = range.end - range.begin;
      cost.add(static_cast<int64_t>(beginning(prompt, i).size()) + n, n_sink(range) + n);
    }
    return cost;
  }

 private:
  static constexpr int64_t kOverlap = 8;  // tokens of the chunk before that a later one starts with

  std::vector<int32_t> beginning(const sdk::Prompt& prompt, int64_t index) const {
    std::vector<int32_t> tokens =
        prompt.tokenize(index == 0 ? "\n\nRepeat the previous context exactly."
                                   : "\n\nRepeat the part of the previous context exactly, "
                                     "starting with");
    if (index > 0) {
      const kvh_range before = chunk(prompt, index - 1);
      const int64_t first = std::max(before.begin, before.end - kOverlap);
      tokens.insert(tokens.end(), prompt.tokens() + first, prompt.tokens() + before.end);
    }
    const std::vector<int32_t> suffix = prompt.suffix();
    tokens.insert(tokens.end(), suffix.begin(), suffix.end());
    return tokens;
  }

  int64_t chunk_size_, n_sink_;
};

// One number per layer, KV head and token of the prompt, collected over passes; 0 where none wrote.
class TokenScores {
 public:
  // Of the KV head; [n_tokens]
  float* row(const sdk::Layer& layer, int32_t h) {
    const int64_t n = layer.prompt().n_tokens();
    if (layers_.empty()) layers_.resize(static_cast<size_t>(layer.model().n_layers));
    auto& rows = layers_[static_cast<size_t>(layer.index())];
    if (rows.empty()) rows.resize(static_cast<size_t>(n * layer.n_kv_heads()), 0.0f);
    return rows.data() + h * n;
  }

  // Each entry of the columns to the largest of its numbers so far and of the columns of its KV
  // head's rows, those times `factors` [n_rows, n] where given.
  void raise(const sdk::Layer& layer, const sdk::Columns& columns, const float* factors) {
    const int32_t rows_per_head = columns.n_rows() / layer.n_kv_heads();
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      float* scores = row(layer, h);
      const int32_t* positions = layer.head(h).positions() + columns.first_entry();
      for (int32_t r = h * rows_per_head; r < (h + 1) * rows_per_head; ++r) {
        const float* column = columns.row(r);
        const float* factor = factors ? factors + r * columns.n() : nullptr;
        for (int64_t i = 0; i < columns.n(); ++i) {
          float& score = scores[positions[i]];
          score = std::max(score, factor ? column[i] * factor[i] : column[i]);
        }
      }
    }
  }

  // Every entry's number by its position; `n_sink` first tokens stay.
  void hand_out(const sdk::Layer& layer, int64_t n_sink, sdk::Scores& out) {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const sdk::Head head = layer.head(h);
      const float* from = row(layer, h);
      for (int64_t i = 0; i < head.n_entries(); ++i) out.row(h)[i] = from[head.position(i)];
      out.pin(h, 0, head.count_before(n_sink));
    }
  }

 private:
  std::vector<std::vector<float>> layers_;  // [n_layers][n_kv_heads * n_tokens]
};

}  // namespace kvhost::scorers
