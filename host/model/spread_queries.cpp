// SPDX-License-Identifier: Apache-2.0
#include "model/spread_queries.hpp"

#include <ATen/Functions.h>

#include <algorithm>

#include "kvhost/spread.h"

namespace kvhost {
namespace {

at::Tensor rows_at(const at::Tensor& from, const std::vector<int64_t>& places) {
  return from.index_select(1, at::tensor(places, at::kLong));
}

}  // namespace

std::vector<int64_t> spread_tokens(int64_t n, int64_t n_tokens) {
  std::vector<int64_t> tokens;
  for (int64_t i = 0; i < kvh_spread_rows(n, n_tokens); ++i)
    tokens.push_back(kvh_spread_token(i, n, n_tokens));
  return tokens;
}

std::vector<int64_t> spread_tokens(std::span<const int64_t> counts, int64_t n_tokens) {
  std::vector<int64_t> all;
  for (const int64_t n : counts) {
    const std::vector<int64_t> tokens = spread_tokens(n, n_tokens);
    all.insert(all.end(), tokens.begin(), tokens.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

at::Tensor spread_rows(const at::Tensor& from, int64_t n) {
  return n >= from.size(1) ? from : rows_at(from, spread_tokens(n, from.size(1)));
}

at::Tensor spread_rows(const SpreadQueries& from, int64_t n, int64_t n_tokens) {
  std::vector<int64_t> places = spread_tokens(n, n_tokens);
  for (int64_t& token : places) {
    const auto place = std::lower_bound(from.tokens.begin(), from.tokens.end(), token);
    if (place == from.tokens.end() || *place != token) return {};
    token = place - from.tokens.begin();
  }
  return std::ssize(places) == from.rows.size(1) ? from.rows : rows_at(from.rows, places);
}

void keep_spread(const at::Tensor& queries, int64_t first, SpreadQueries& to) {
  const auto begin = std::lower_bound(to.tokens.begin(), to.tokens.end(), first);
  const auto end = std::lower_bound(begin, to.tokens.end(), first + queries.size(1));
  if (begin == end) return;
  std::vector<int64_t> places(begin, end);
  for (int64_t& token : places) token -= first;
  to.rows.narrow(1, begin - to.tokens.begin(), end - begin).copy_(rows_at(queries, places));
}

}  // namespace kvhost
