// SPDX-License-Identifier: Apache-2.0
// How queries of a prompt's end and of a draft behind it vote for the prompt's entries
// (arXiv:2505.20334).
#pragma once

#include <kvhost/torch.hpp>

namespace kvhost::scorers {

// Rows: the prompt's last `n_window` queries, then the draft's.
struct DraftedVotes {
  int64_t n_prompt, n_window, n_rows;
  int64_t sliding_window;  // 0: none
  bool causal;

  // [n_rows, n] what a row does not see of entries at `positions` [1, n].
  at::Tensor hidden(const at::Tensor& positions) const {
    const at::Tensor at_position =
        at::arange(n_rows, at::kLong).unsqueeze(1) + (n_prompt - n_window);
    // As published the last columns are masked as if the rows were the prompt's own last ones.
    const int64_t back = causal ? 0 : n_rows - n_window;
    at::Tensor unseen = positions.gt((at_position - back).clamp_min(0));
    if (sliding_window > 0) unseen = unseen.logical_or(positions.le(at_position - sliding_window));
    return unseen;
  }
};

// Of softmax rows [group, rows, n]: their sum per query head, the largest of each neighbourhood, the
// group's mean, to `to` [n].
inline void pooled_votes(const at::Tensor& rows, int64_t kernel, float* to) {
  const int64_t group = rows.size(0), n = rows.size(2);
  // A row that sees nothing votes for nothing.
  const at::Tensor sums = rows.nan_to_num(0).sum(/*dim=*/1).contiguous();  // [group, n]
  std::vector<float> pooled(static_cast<size_t>(n));
  std::fill_n(to, n, 0.0f);
  for (int64_t g = 0; g < group; ++g) {
    sdk::max_pool(sums.const_data_ptr<float>() + g * n, n, kernel, pooled.data());
    for (int64_t i = 0; i < n; ++i) to[i] += pooled[static_cast<size_t>(i)];
  }
  for (int64_t i = 0; i < n; ++i) to[i] /= static_cast<float>(group);
}

}  // namespace kvhost::scorers
