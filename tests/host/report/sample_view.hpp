// SPDX-License-Identifier: Apache-2.0
// A view of any size in which every head keeps something else, the same at every call.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "report/kept_view.hpp"

namespace kvhost {

// First tokens, last tokens, and words drawn with a leaning that is the token's own, so that heads
// agree on some of them as real ones do.
inline std::vector<int32_t> sample_head(size_t n, double ratio, uint32_t seed) {
  std::mt19937 draw(seed);
  std::vector<int32_t> kept;
  for (size_t i = 0; i < n; ++i) {
    const bool edge = i < 4 || i + n / 50 >= n;
    const double leaning =
        static_cast<double>((i * 2654435761U >> 8 & 0xFFU) * (i / 40 % 3)) / 256.0;
    const double chance = static_cast<double>(draw() % 1000) / 1000.0;
    if (edge || chance < ratio * leaning) kept.push_back(static_cast<int32_t>(i));
  }
  return kept;
}

inline KeptPress sample_press(size_t n, size_t n_layers, size_t n_kv_heads, uint32_t seed) {
  KeptPress press;
  press.spec = "press" + std::to_string(seed) + ":scorer(window_size=32)";
  press.n_seen = static_cast<int64_t>(n);
  press.observed_name = "effective_rank";
  for (size_t l = 0; l < n_layers; ++l) {
    const double ratio = 0.15 + 0.25 * static_cast<double>((l * 7 + seed) % 5) / 5;
    press.kept.emplace_back();
    int64_t budget = 0;
    for (size_t h = 0; h < n_kv_heads; ++h) {
      const auto at = static_cast<uint32_t>(l * n_kv_heads + h);
      press.kept.back().push_back(sample_head(n, ratio, 1000 * seed + at));
      budget += static_cast<int64_t>(press.kept.back().back().size());
    }
    press.layer_budgets.push_back(budget);
    press.observed.push_back(ratio * 2);
  }
  press.bytes_full = static_cast<int64_t>(n * n_layers * n_kv_heads) * 512;
  press.bytes_kept = n_kept_entries(press) * 512;
  press.budget_line = "keep_ratio 0.250, as a sample";
  press.exchanges = {{"What was the word?", "The word was heron.", "heron"}};
  return press;
}

inline KeptView sample_view(size_t n, size_t n_layers, size_t n_kv_heads, size_t n_presses) {
  constexpr std::array<const char*, 16> kWords = {" the",
                                                  " horses",
                                                  " drew",
                                                  " up",
                                                  " before",
                                                  " a",
                                                  " low",
                                                  " house",
                                                  ",",
                                                  " and",
                                                  " some",
                                                  "one",
                                                  " was",
                                                  " heron",
                                                  " road",
                                                  ".\n\n"};
  KeptView view;
  view.title = "A sample of " + std::to_string(n) + " tokens";
  view.model = "sample model";
  std::mt19937 draw(5);
  for (size_t i = 0; i < n; ++i) view.pieces.emplace_back(kWords[draw() % kWords.size()]);
  for (size_t i = 0; i < n_presses; ++i)
    view.presses.push_back(sample_press(n, n_layers, n_kv_heads, static_cast<uint32_t>(i + 1)));
  return view;
}

}  // namespace kvhost
