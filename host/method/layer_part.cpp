// SPDX-License-Identifier: Apache-2.0
#include "method/layer_part.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"

namespace kvhost {
namespace {

// Rows of tokens before position n_seen; `rows` ends at the whole layer's last token.
at::Tensor rows_before(const at::Tensor& rows, int64_t dim, int64_t unseen) {
  return rows.narrow(dim, 0, std::max<int64_t>(rows.size(dim) - unseen, 0));
}

}  // namespace

LayerPart::LayerPart(const LayerInputs& whole,
                     const std::vector<HeadSpan>& spans,
                     const kvh_part& part)
    : whole_(whole), n_seen_(part.n_seen) {
  if (part.n_kv_heads != static_cast<int32_t>(spans.size()) || n_seen_ < 1 ||
      n_seen_ > whole.n_seen)
    run_failed("layer " + std::to_string(whole.layer),
               "a wrapper asked for a part that ends at " + std::to_string(n_seen_) + " with " +
                   std::to_string(part.n_kv_heads) + " KV heads; expected an end in 1 to " +
                   std::to_string(whole.n_seen) + " and " + std::to_string(spans.size()) +
                   " KV heads");
  rows_.resize(spans.size());
  for (int32_t h = 0; h < part.n_kv_heads; ++h) copy_head(spans[h], part, h);
  const int64_t unseen = whole.n_seen - n_seen_;
  if (whole.queries) queries_ = rows_before(*whole.queries, /*dim=*/1, unseen);
  if (whole.hidden) hidden_ = rows_before(*whole.hidden, /*dim=*/0, unseen);
}

void LayerPart::copy_head(const HeadSpan& from, const kvh_part& part, int32_t h) {
  const auto row = static_cast<size_t>(whole_.model->head_dim * whole_.model->dtype.bits / 8);
  const auto n = static_cast<size_t>(part.n_entries[h]);
  Rows& to = rows_[h];
  to.keys.resize(n * row);
  to.values.resize(n * row);
  to.positions.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const int32_t entry = part.entries[h][i];
    if (entry < 0 || entry >= from.n)
      run_failed("layer " + std::to_string(whole_.layer),
                 "a wrapper asked for entry " + std::to_string(entry) + " of KV head " +
                     std::to_string(h) + "; expected 0 to " + std::to_string(from.n - 1));
    const size_t at = static_cast<size_t>(entry) * row;
    std::memcpy(to.keys.data() + i * row, static_cast<const char*>(from.keys) + at, row);
    std::memcpy(to.values.data() + i * row, static_cast<const char*>(from.values) + at, row);
    to.positions[i] = from.positions[entry];
    if (entry < from.bias.n) to.biases.push_back(from.bias.rows[entry]);
  }
  spans_.push_back(
      {to.keys.data(), to.values.data(), to.positions.data(), static_cast<int64_t>(n)});
  spans_.back().bias = {to.biases.data(), std::ssize(to.biases)};
}

LayerInputs LayerPart::inputs(int64_t window_rows) const {
  LayerInputs in = whole_;
  in.n_seen = in.q_len = n_seen_;
  in.layer_budget = -1;
  in.queries = whole_.queries ? &queries_ : nullptr;
  in.hidden = whole_.hidden ? &hidden_ : nullptr;
  in.spread = nullptr;  // of other tokens than those spread over the part
  in.window_rows = window_rows;
  return in;
}

}  // namespace kvhost
