// SPDX-License-Identifier: Apache-2.0
// Stretches of tokens that are kept or dropped together.
#pragma once

#include <kvhost/sdk.hpp>

namespace kvhost::plugins {

struct Chunk {
  int64_t begin = 0, end = 0;
  float score = 0;  // mean of its tokens
  int64_t length() const { return end - begin; }
};

// Chunks of `length` tokens from the first on; the last may be shorter.
inline std::vector<Chunk> cut_into_chunks(const std::vector<float>& scores, int64_t length) {
  std::vector<Chunk> chunks;
  const auto n = static_cast<int64_t>(scores.size());
  for (int64_t begin = 0; begin < n; begin += length) {
    Chunk chunk{begin, std::min(begin + length, n), 0};
    float sum = 0;
    for (int64_t i = chunk.begin; i < chunk.end; ++i) sum += scores[static_cast<size_t>(i)];
    chunk.score = sum / static_cast<float>(chunk.length());
    chunks.push_back(chunk);
  }
  return chunks;
}

// Indices of chunks, best first; ties: the earlier one.
inline std::vector<size_t> best_chunks(const std::vector<Chunk>& chunks) {
  std::vector<size_t> order(chunks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return chunks[a].score > chunks[b].score;
  });
  return order;
}

// Tokens [begin, end), best first; ties: the earlier one.
inline std::vector<int32_t> best_tokens(const std::vector<float>& scores,
                                        int64_t begin,
                                        int64_t end) {
  std::vector<int32_t> order(static_cast<size_t>(end - begin));
  std::iota(order.begin(), order.end(), static_cast<int32_t>(begin));
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  });
  return order;
}

}  // namespace kvhost::plugins
