// SPDX-License-Identifier: Apache-2.0
// How unlike other keys the keys of a block are, as OpenVINO GenAI's ADAPTIVE_RKV measures it.
#pragma once

#include "token_scores.hpp"

namespace kvhost::plugins {

// [n_blocks][n] of the tokens [begin, end), n = end - begin, blocks of `size`: less the sum, over a
// block's keys, of their cosines to each key, mean over heads. A key's cosines below their mean, in
// which its own counts as 0, are left out. Those of a token that a head does not hold are 0 there.
inline std::vector<std::vector<float>> block_diversity(const sdk::Layer& layer,
                                                       const HeldTokens& tokens,
                                                       int64_t begin,
                                                       int64_t end,
                                                       int64_t size) {
  const int64_t n = end - begin, n_heads = layer.n_kv_heads();
  std::vector<std::vector<std::vector<float>>> of_heads(static_cast<size_t>(n_heads));
  sdk::for_each_head(layer, [&](int32_t h) {
    const sdk::Matrix keys = layer.head(h).keys();
    std::vector<float> units(static_cast<size_t>(n * keys.cols())), scratch;
    for (int64_t entry = 0; entry < tokens.n_entries(h); ++entry) {
      const int64_t i = tokens.of(h, entry) - begin;
      if (i < 0 || i >= n) continue;
      const float* key = keys.row(entry, scratch);
      const double norm = std::sqrt(sdk::inner_product(key, key, keys.cols()));
      for (int64_t c = 0; c < keys.cols(); ++c)
        units[static_cast<size_t>(i * keys.cols() + c)] =
            norm > 0 ? static_cast<float>(key[c] / norm) : 0;
    }
    auto& sums = of_heads[static_cast<size_t>(h)];
    sums.assign(static_cast<size_t>((n + size - 1) / size),
                std::vector<float>(static_cast<size_t>(n), 0.0f));
    std::vector<float> row(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      if (i % 64 == 0) layer.check_cancelled();
      double mean = 0;
      for (int64_t j = 0; j < n; ++j) {
        const float* a = units.data() + i * keys.cols();
        const float* b = units.data() + j * keys.cols();
        row[static_cast<size_t>(j)] =
            i == j ? 0 : static_cast<float>(sdk::inner_product(a, b, keys.cols()));
        mean += row[static_cast<size_t>(j)] / static_cast<double>(n);
      }
      auto& sum = sums[static_cast<size_t>(i / size)];
      for (size_t j = 0; j < row.size(); ++j)
        if (row[j] >= static_cast<float>(mean)) sum[j] -= row[j] / static_cast<float>(n_heads);
    }
  });
  for (size_t h = 1; h < of_heads.size(); ++h)
    for (size_t b = 0; b < of_heads[0].size(); ++b)
      for (size_t j = 0; j < of_heads[0][b].size(); ++j) of_heads[0][b][j] += of_heads[h][b][j];
  return of_heads.empty() ? std::vector<std::vector<float>>() : std::move(of_heads[0]);
}

}  // namespace kvhost::plugins
