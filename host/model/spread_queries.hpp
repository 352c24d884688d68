// SPDX-License-Identifier: Apache-2.0
// Queries from all over a forward's tokens, for methods that want n of them and not the last ones.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace kvhost {

struct SpreadQueries {
  std::vector<int64_t> tokens;  // ascending: which tokens of the forward the rows are
  at::Tensor rows;              // [n_heads, tokens.size(), head_dim] post-RoPE
};

// The tokens that n rows spread over n_tokens are (kvhost/spread.h).
std::vector<int64_t> spread_tokens(int64_t n, int64_t n_tokens);
// Those of all `counts` together, ascending, each once.
std::vector<int64_t> spread_tokens(std::span<const int64_t> counts, int64_t n_tokens);

// Of the queries of all tokens `from` [n_heads, n_tokens, head_dim], or of the rows that were
// captured: those of n. Undefined where one of them is missing.
at::Tensor spread_rows(const at::Tensor& from, int64_t n);
at::Tensor spread_rows(const SpreadQueries& from, int64_t n, int64_t n_tokens);

// Copies what of the rows of tokens `first`.. (dimension 1 of `queries`) is wanted.
void keep_spread(const at::Tensor& queries, int64_t first, SpreadQueries& to);

}  // namespace kvhost
