// SPDX-License-Identifier: Apache-2.0
#include "effective_rank.hpp"

#include <kvhost/torch.hpp>

namespace kvhost::allocators {
namespace {

constexpr double kEpsilon = 1e-10;

// values: [k] float64, not negative
double rank_of(const at::Tensor& values, const RankOptions& options, int64_t shorter_side) {
  const at::Tensor kept = values.masked_select(values > kEpsilon);  // [k'] k' <= k
  const double sum = kept.sum().item<double>();
  if (sum < kEpsilon) return 0.0;
  const at::Tensor p = kept / sum;
  const double entropy = -(p * (p + kEpsilon).log()).sum().item<double>();
  const double rank = std::exp(entropy);
  return options.normalize ? rank / static_cast<double>(shorter_side) : rank;
}

// rows: [..., W, n] float32 -> [..., min(W, n)] float64
at::Tensor singular_values(const at::Tensor& rows, bool exact) {
  if (exact) return at::linalg_svdvals(rows).to(at::kDouble);
  const at::Tensor wide = rows.to(at::kDouble);
  const bool tall = wide.size(-2) > wide.size(-1);
  const at::Tensor turned = wide.transpose(-2, -1);                             // [..., n, W]
  const at::Tensor gram = tall ? turned.matmul(wide) : wide.matmul(turned);  // [..., k, k]
  return at::linalg_eigvalsh(gram).clamp_min(0).sqrt();
}

// [n_heads, W, n] float32 of the last W queries over all entries; in prefill all heads hold the same entries.
at::Tensor window_attention(const sdk::Layer& layer) {
  std::vector<at::Tensor> groups;
  for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
    groups.push_back(sdk::as_float(layer.head(h).window_attention().raw()));  // [group_size, W, n]
  }
  return at::cat(groups, /*dim=*/0);
}

double aggregate(const std::vector<double>& ranks, const std::string& aggregation) {
  const at::Tensor all = at::tensor(ranks, at::kDouble);  // [n_heads]
  if (aggregation == "median") {
    return at::quantile(all, 0.5).item<double>();  // mean of the two middle ones, as NumPy
  }
  if (aggregation == "max") return all.max().item<double>();
  if (aggregation == "min") return all.min().item<double>();
  return all.mean().item<double>();  // per_head
}

}  // namespace

double layer_effective_rank(const sdk::Layer& layer, const RankOptions& options) {
  const bool mean = options.aggregation == "mean";
  at::Tensor maps;  // [W, n] for the mean, [n_heads, W, n] otherwise
  if (options.exact) {
    maps = sdk::as_float(layer.get(mean ? KVH_T_ATTENTION_MEAN : KVH_T_ATTENTION));
  } else {
    maps = window_attention(layer);
    if (mean) maps = maps.mean(0);  // -> [W, n]
  }
  const int64_t shorter_side = std::min(maps.size(-2), maps.size(-1));
  const at::Tensor values = singular_values(maps, options.exact);  // [(n_heads,) k]
  if (mean) return rank_of(values, options, shorter_side);
  std::vector<double> ranks;
  for (int64_t h = 0; h < values.size(0); ++h) {
    layer.check_cancelled();
    ranks.push_back(rank_of(values[h], options, shorter_side));
  }
  return aggregate(ranks, options.aggregation);
}

}  // namespace kvhost::allocators
