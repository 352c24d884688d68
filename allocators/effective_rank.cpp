// SPDX-License-Identifier: Apache-2.0
#include "effective_rank.hpp"

#include <kvhost/torch.hpp>

namespace kvhost::allocators {
namespace {

constexpr double kEpsilon = 1e-10;

// values: [k] float64, not negative
double rank_of(const at::Tensor& values) {
  const at::Tensor kept = values.masked_select(values > kEpsilon);  // [k'] k' <= k
  const double sum = kept.sum().item<double>();
  if (sum < kEpsilon) return 0.0;
  const at::Tensor p = kept / sum;
  return std::exp(-(p * (p + kEpsilon).log()).sum().item<double>());
}

// gram: [k, k] float64, of rows or of columns
double gram_rank(const at::Tensor& gram) {
  return rank_of(at::linalg_eigvalsh(gram).clamp_min(0).sqrt());
}

// rows: [W, n]
double window_rank(const at::Tensor& rows, bool normalize) {
  const at::Tensor wide = rows.to(at::kDouble);
  const int64_t shorter = std::min(wide.size(0), wide.size(1));
  const bool tall = wide.size(0) > wide.size(1);
  const double rank = gram_rank(tall ? wide.t().matmul(wide) : wide.matmul(wide.t()));
  return normalize ? rank / static_cast<double>(shorter) : rank;
}

double exact_rank(const at::Tensor& map, bool normalize) {
  const double rank = rank_of(at::linalg_svdvals(map).to(at::kDouble));
  return normalize ? rank / static_cast<double>(std::min(map.size(0), map.size(1))) : rank;
}

// maps: [m, S, T], S of the T rows of each map. Spectra of all rows, even rows and odd rows are
// independent tasks.
std::vector<double> spread_ranks(const sdk::Layer& layer, const at::Tensor& maps, bool normalize) {
  const int64_t n_rows = maps.size(1), n_all = maps.size(2);
  const bool extrapolate = n_rows < n_all && n_rows >= 4;
  const int64_t n_parts = extrapolate ? 3 : 1;
  std::vector<double> parts(static_cast<size_t>(maps.size(0) * n_parts));
  sdk::parallel_for(layer, maps.size(0) * n_parts, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t part = task % n_parts;
      const at::Tensor rows =
          maps[task / n_parts].slice(0, std::max<int64_t>(part - 1, 0), n_rows, part == 0 ? 1 : 2);
      const at::Tensor wide = rows.to(at::kDouble);
      parts[static_cast<size_t>(task)] = gram_rank(wide.matmul(wide.t()));
    }
  });
  std::vector<double> ranks;
  for (size_t i = 0; i < parts.size(); i += static_cast<size_t>(n_parts)) {
    double rank = parts[i];
    if (extrapolate) {
      const double half = (parts[i + 1] + parts[i + 2]) / 2;
      const double growth = std::clamp(std::log2(rank / half), 0.0, 1.0);
      rank *= std::pow(static_cast<double>(n_all) / static_cast<double>(n_rows), growth);
    }
    ranks.push_back(normalize ? rank / static_cast<double>(n_all) : rank);
  }
  return ranks;
}

// [n_heads, W, n] float32 of the last W queries over all entries; in prefill all heads hold the
// same entries.
at::Tensor window_attention(const sdk::Layer& layer) {
  std::vector<at::Tensor> groups;
  for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
    groups.push_back(sdk::as_float(layer.head(h).window_attention().raw()));  // [group_size, W, n]
  }
  return at::cat(groups, /*dim=*/0);
}

// [n_heads, S, T] float32: softmax rows of S queries spread evenly over the prompt, causal.
at::Tensor spread_attention(const sdk::Layer& layer, int64_t n_rows) {
  const at::Tensor queries = sdk::as_tensor(layer.get(KVH_T_QUERY_WINDOW));  // [n_heads, T, d]
  const int64_t n_all = layer.head(0).n_entries();
  if (queries.size(1) != n_all) {
    sdk::bad_shape(std::to_string(queries.size(1)) + " queries; expected one for each of " +
                   std::to_string(n_all) + " entries");
  }
  n_rows = std::min(n_rows, n_all);
  const at::Tensor rows =
      n_rows == n_all ? at::arange(n_all, at::kLong)
                      : at::linspace(0, n_all - 1, n_rows, at::kDouble).round().to(at::kLong);
  const at::Tensor columns = at::arange(n_all, at::kLong);       // [T]
  at::Tensor hidden = columns.unsqueeze(0) > rows.unsqueeze(1);  // -> [S, T]
  if (const int64_t window = layer.sliding_window(); window > 0) {
    hidden = hidden | (columns.unsqueeze(0) <= rows.unsqueeze(1) - window);
  }
  // One head per task: inside the host's loop libtorch runs on one thread, which saves a barrier
  // per operation.
  std::vector<at::Tensor> maps(static_cast<size_t>(layer.n_heads()));
  const auto attend = [&](int32_t j) {
    const at::Tensor q = queries[j].index_select(0, rows).to(at::kFloat);                 // [S, d]
    const at::Tensor k = sdk::as_float(layer.head(j / layer.group_size()).keys().raw());  // [T, d]
    const at::Tensor logits = q.matmul(k.t()) / std::sqrt(static_cast<double>(q.size(1)));
    maps[static_cast<size_t>(j)] =
        logits.masked_fill(hidden, -std::numeric_limits<float>::infinity()).softmax(-1);
  };
  layer.check_cancelled();
  sdk::parallel_for(layer, layer.n_heads(), [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) attend(static_cast<int32_t>(j));
  });
  return at::stack(maps);
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
  at::Tensor maps;  // [(n_heads,) rows, n]
  if (options.rows == RankRows::All) {
    maps = sdk::as_float(layer.get(mean ? KVH_T_ATTENTION_MEAN : KVH_T_ATTENTION));
  } else {
    maps = options.rows == RankRows::Last ? window_attention(layer)
                                          : spread_attention(layer, options.n_rows);
  }
  if (mean) maps = (maps.dim() == 3 ? maps.mean(0) : maps).unsqueeze(0);  // -> [1, rows, n]
  layer.check_cancelled();
  std::vector<double> ranks(static_cast<size_t>(maps.size(0)));
  if (options.rows == RankRows::Spread) {
    ranks = spread_ranks(layer, maps, options.normalize);
  } else {
    auto* rank = options.rows == RankRows::All ? exact_rank : window_rank;
    sdk::parallel_for(layer, maps.size(0), [&](int64_t begin, int64_t end) {
      for (int64_t h = begin; h < end; ++h) {
        ranks[static_cast<size_t>(h)] = rank(maps[h], options.normalize);
      }
    });
  }
  return mean ? ranks[0] : aggregate(ranks, options.aggregation);
}

}  // namespace kvhost::allocators
