// SPDX-License-Identifier: Apache-2.0
// RankKV: layers whose attention has a high effective rank mix many entries and get more of the
// budget. Paper: Roy and Vetterli (EUSIPCO 2007) for the effective rank. Checked against: the
// published budget vectors of RankKV.
#include <filesystem>
#include <kvhost/sdk.hpp>

#include "effective_rank.hpp"
#include "rank_budget.hpp"
#include "rank_profile.hpp"

namespace {

using namespace kvhost::sdk;
using kvhost::allocators::RankOptions;
using kvhost::allocators::RankRows;
using kvhost::allocators::RankStrategy;

RankStrategy read_strategy(const Args& args) {
  RankStrategy s;
  s.name = args.choice("strategy");
  s.temperature = args.real("temperature");
  s.power = args.real("power");
  s.low_rank_ratio = args.real("low_rank_ratio");
  s.high_rank_ratio = args.real("high_rank_ratio");
  s.percentile_low = args.real("percentile_low");
  s.percentile_high = args.real("percentile_high");
  s.seed = static_cast<uint64_t>(args.integer("seed"));
  if (s.percentile_low > s.percentile_high) {
    bad_parameter("percentile_low",
                  std::to_string(s.percentile_low) + "; expected at most percentile_high (" +
                      std::to_string(s.percentile_high) + ")");
  }
  return s;
}

RankRows read_rows(const Args& args) {
  const std::string estimator = args.choice("estimator");
  if (estimator == "exact") return RankRows::All;
  return estimator == "window" ? RankRows::Last : RankRows::Spread;
}

// The profile's ranks, or nothing when they are to be measured on every prompt.
std::vector<double> read_profile(const Args& args) {
  if (!args.has("profile") || args.model() == nullptr) return {};
  std::string path = args.text("profile");
  if (path == "none") return {};
  if (path == "auto") {
    const std::string folder = args.model()->model_dir;
    path = (std::filesystem::path(folder) / "rank_profile.json").string();
    if (folder.empty() || !std::filesystem::exists(path)) return {};
  }
  return kvhost::allocators::read_rank_profile(path, args.model()->n_layers);
}

Description description() {
  return layer_allocator("rankkv")
      .summary("Entries in proportion to the effective rank of each layer's attention")
      .paper("github.com/Takagi-v/RankKV; effective rank: Roy & Vetterli, EUSIPCO 2007")
      .default_inner("snapkv")
      .reference("budget vectors published with RankKV")
      .notes(
          "The original averages heads, normalises by the shorter side, and reads a static "
          "profile; its text describes ranks per input. Here a profile beside the model is used "
          "when there is one, otherwise ranks are estimated per prompt from rank_rows attention "
          "rows. min_budget is 4 in its code, 10 in its plan, 32 in its benchmarks; default 4. "
          "The original's sum drifts from the total when clamps bind and it hands layers more "
          "than the prompt has; repair=seed gives its integers (capped by the prompt), "
          "repair=exact the exact total.")
      .param(
          choice("strategy",
                 {"proportional", "softmax", "adaptive", "power", "uniform", "inverse", "random"})
              .doc("From ranks to shares; the last three are ablations of proportional"))
      .param(real("temperature", 1.0).above(0).doc("softmax: larger is closer to uniform"))
      .param(real("power", 2.0).min(0).doc("power: exponent of the rank; larger is more unequal"))
      .param(real("low_rank_ratio", 0.5).min(0).doc("adaptive: weight of layers below the range"))
      .param(real("high_rank_ratio", 1.5).min(0).doc("adaptive: weight of layers above the range"))
      .param(real("percentile_low", 25).min(0).max(100).doc("adaptive: lower end of the range"))
      .param(real("percentile_high", 75).min(0).max(100).doc("adaptive: upper end of the range"))
      .param(integer("seed", 42).min(0).max(kMostSeed).doc("random: of the shuffle, as CPython's random.seed"))
      .param(integer("min_budget", 4)
                 .min(0)
                 .unit("entries per head")
                 .doc("What every layer gets at least, as far as it is there"))
      .param(optional_integer("max_budget")
                 .min(1)
                 .unit("entries per head")
                 .doc("What a layer gets at most; none: all it has"))
      .param(choice("aggregation", {"mean", "per_head", "median", "max", "min"})
                 .doc("Of heads: the rank of their mean map, or a statistic of their ranks"))
      .param(boolean("normalize", true).doc("Divide the rank by its largest possible value"))
      .param(
          choice("estimator", {"auto", "exact", "spread", "window"})
              .doc("exact: SVD of the full attention; spread, auto: rank_rows of its rows, evenly "
                   "spread and extrapolated; window: its last rank_rows rows"))
      .param(integer("rank_rows", 128)
                 .min(4)
                 .unit("tokens")
                 .doc("Rows the estimate looks at; larger is closer to exact and slower"))
      .param(text("profile", "auto")
                 .optional()
                 .doc("auto: rank_profile.json beside the model if there; none; or a file"))
      .param(choice("repair", {"exact", "seed"})
                 .doc("exact: the total is met; seed: the original's integers"))
      .decides_late()
      .uses(KVH_T_QUERY_WINDOW)
      .uses(KVH_T_WINDOW_ATTENTION)
      .uses(KVH_T_ATTENTION_MEAN)
      .uses(KVH_T_ATTENTION);
}

class RankKv {
 public:
  struct Sequence {
    std::vector<double> ranks;  // of the layers seen so far
  };

  static Description describe() { return description(); }

  explicit RankKv(const Args& args)
      : strategy_(read_strategy(args)),
        min_budget_(args.integer("min_budget")),
        max_budget_(args.optional_integer("max_budget")),
        rank_{read_rows(args),
              args.integer("rank_rows"),
              args.choice("aggregation"),
              args.flag("normalize")},
        as_seed_(args.choice("repair") == "seed"),
        profile_(read_profile(args)) {
    if (max_budget_ && *max_budget_ < min_budget_) {
      bad_parameter("max_budget",
                    std::to_string(*max_budget_) + "; expected at least min_budget (" +
                        std::to_string(min_budget_) + ")");
    }
  }

  void needs(Needs& needs) const {
    if (!measures()) return;
    if (rank_.rows == RankRows::Spread) {
      needs.add(KVH_T_QUERY_WINDOW, /*window=*/0);  // all of them
    } else if (rank_.rows == RankRows::Last) {
      needs.window_attention(rank_.n_rows);
    } else {
      needs.add(rank_.aggregation == "mean" ? KVH_T_ATTENTION_MEAN : KVH_T_ATTENTION);
    }
  }

  uint32_t when() const {
    if (!measures()) return KVH_WHEN_BEFORE_PREFILL;
    const bool monotone = kvhost::allocators::is_monotone(strategy_) && !as_seed_;
    return monotone ? KVH_WHEN_MONOTONE : KVH_WHEN_AFTER_PREFILL;
  }

  void observe(Sequence& sequence, const Layer& layer) const {
    if (!measures()) return;
    if (layer.index() == 0) sequence.ranks.clear();
    sequence.ranks.push_back(kvhost::allocators::layer_effective_rank(layer, rank_));
  }

  void allocate(Sequence& sequence, const LayerRequest& request, LayerAnswer& answer) const {
    const auto n = static_cast<size_t>(measures() ? request.n_observed() : request.n_layers());
    std::vector<double> ranks = profile_;
    if (measures()) ranks = sequence.ranks;
    if (ranks.empty() && strategy_.name == "uniform") ranks.assign(n, 1.0);
    if (ranks.size() != n) {
      throw Error(KVH_E_INTERNAL,
                  "",
                  std::to_string(ranks.size()) + " ranks; expected one for each of " +
                      std::to_string(n) + " layers");
    }
    if (strategy_.name != "uniform") answer.observed("effective_rank", ranks);
    if (as_seed_) {
      answer.entries(seed_entries(ranks, request));
    } else {
      answer.shares(bounded_shares(ranks, request));
    }
  }

 private:
  // Whether ranks come from the prompt.
  bool measures() const { return profile_.empty() && strategy_.name != "uniform"; }

  // The original counts tokens per layer, the same for every head.
  std::vector<int64_t> seed_entries(const std::vector<double>& ranks,
                                    const LayerRequest& request) const {
    const int64_t n_kv_heads = request.n_kv_heads();
    std::vector<int64_t> entries = kvhost::allocators::seed_budgets(
        ranks, request.total_entries() / n_kv_heads, strategy_, min_budget_, max_budget_);
    for (size_t l = 0; l < entries.size(); ++l) {
      entries[l] = std::min(entries[l] * n_kv_heads, request.max_entries(static_cast<int32_t>(l)));
    }
    return entries;
  }

  // Shares that respect min_budget and max_budget, so that the host only has to round them. While
  // layers are still to come they are given their floors, which makes the shares of the others
  // upper bounds.
  std::vector<double> bounded_shares(const std::vector<double>& ranks,
                                     const LayerRequest& request) const {
    const int64_t n_layers = request.n_layers();
    const int64_t fair = request.total_entries() / n_layers;
    Bounds bounds;
    int64_t total = request.total_entries();
    for (int32_t l = 0; l < n_layers; ++l) {
      const int64_t cap = request.max_entries(l);
      int64_t high = max_budget_ ? std::min(cap, *max_budget_ * request.n_kv_heads()) : cap;
      const int64_t wanted = std::min(min_budget_ * request.n_kv_heads(), fair);
      const int64_t low = std::max(request.min_entries(l), std::min(wanted, cap));
      high = std::max(high, low);
      if (static_cast<size_t>(l) < ranks.size()) {
        bounds.min.push_back(low);
        bounds.max.push_back(high);
      } else {
        total -= low;
      }
    }
    const auto sum_max = std::accumulate(bounds.max.begin(), bounds.max.end(), int64_t{0});
    const auto sum_min = std::accumulate(bounds.min.begin(), bounds.min.end(), int64_t{0});
    if (max_budget_ && sum_max < total && ranks.size() == static_cast<size_t>(n_layers)) {
      bad_parameter("max_budget",
                    std::to_string(*max_budget_) + " entries per head hold " +
                        std::to_string(sum_max) + " in all; expected room for the total of " +
                        std::to_string(total));
    }
    return water_fill(kvhost::allocators::rank_shares(ranks, strategy_),
                      static_cast<double>(std::clamp(total, sum_min, sum_max)),
                      bounds);
  }

  RankStrategy strategy_;
  int64_t min_budget_;
  std::optional<int64_t> max_budget_;
  RankOptions rank_;
  bool as_seed_;
  std::vector<double> profile_;  // [n_layers], empty: measured
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(RankKv)
