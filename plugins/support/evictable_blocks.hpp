// SPDX-License-Identifier: Apache-2.0
// The division that OpenVINO GenAI makes of a cache: first and last tokens that stay, and between
// them blocks that stay or go as wholes.
#pragma once

#include "chunks.hpp"
#include "token_scores.hpp"

namespace kvhost::plugins {

class EvictableBlocks {
 public:
  // What every method on blocks is told.
  struct Sizes {
    explicit Sizes(const sdk::Args& args)
        : block(args.integer("block_size")),
          start(args.integer("start_size")),
          recent(args.integer("recent_size")) {}
    static sdk::Description& add(sdk::Description& description) {
      return description
          .param(sdk::integer("block_size", 32).min(1).max(4096).unit("tokens").doc(
              "Tokens that stay or go together"))
          .param(sdk::integer("start_size", 32).min(0).max(1 << 20).unit("tokens").doc(
              "First entries that stay"))
          .param(sdk::integer("recent_size", 128).min(0).max(1 << 20).unit("tokens").doc(
              "Last entries that stay"));
    }
    int64_t block, start, recent;
  };

  // `scores`: of all tokens held, one for all heads. `quota` entries of a head are to stay.
  EvictableBlocks(std::vector<float> scores, const Sizes& sizes, int64_t quota)
      : scores_(std::move(scores)), size_(sizes.block) {
    const auto n = static_cast<int64_t>(scores_.size());
    begin_ = std::min(sizes.start, n);
    end_ = std::max(n - sizes.recent, begin_);
    for (int64_t at = begin_; at < end_; at += size_) {
      Chunk block{at, std::min(at + size_, end_), 0};
      for (int64_t i = block.begin; i < block.end; ++i) block.score += score(i);
      blocks_.push_back(block);
    }
    n_kept_ = std::min(std::max<int64_t>(quota - begin_ - (n - end_), 0) / size_, n_blocks());
  }

  int64_t begin() const { return begin_; }
  int64_t end() const { return end_; }
  int64_t n_blocks() const { return static_cast<int64_t>(blocks_.size()); }
  int64_t n_kept() const { return n_kept_; }  // blocks that the quota has room for
  const Chunk& block(size_t b) const { return blocks_[b]; }
  float score(int64_t entry) const { return scores_[static_cast<size_t>(entry)]; }
  std::vector<size_t> best() const { return best_chunks(blocks_); }

  // What always stays, then the blocks of `order`, which names each once: every entry.
  std::vector<int32_t> tokens(const std::vector<size_t>& order) const {
    std::vector<int32_t> entries;
    for (int64_t i = end_; i < static_cast<int64_t>(scores_.size()); ++i) push(i, entries);
    for (int64_t i = 0; i < begin_; ++i) push(i, entries);
    for (const size_t b : order) {
      const auto tokens = best_tokens(scores_, blocks_[b].begin, blocks_[b].end);
      entries.insert(entries.end(), tokens.begin(), tokens.end());
    }
    return entries;
  }

 private:
  static void push(int64_t entry, std::vector<int32_t>& entries) {
    entries.push_back(static_cast<int32_t>(entry));
  }

  std::vector<float> scores_;
  int64_t size_, begin_ = 0, end_ = 0, n_kept_ = 0;
  std::vector<Chunk> blocks_;
};

}  // namespace kvhost::plugins
