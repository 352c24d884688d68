// SPDX-License-Identifier: Apache-2.0
#include "press/layer_budgets.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "base/text.hpp"
#include "method/fence.hpp"
#include "press/budget.hpp"

namespace kvhost {
namespace {

int64_t sum_of(const std::vector<int64_t>& values, int64_t first, int64_t last) {
  return std::accumulate(values.begin() + first, values.begin() + last, int64_t{0});
}

void check_exact(const Instance& allocator,
                 const std::vector<int64_t>& entries,
                 const LayerBounds& bounds,
                 int64_t n) {
  for (int64_t l = 0; l < n; ++l)
    if (entries[l] < 0 || entries[l] > bounds.caps[l])
      run_failed(allocator.name(),
                 "gave layer " + std::to_string(l) + " " + std::to_string(entries[l]) +
                     " entries (-1: none were written); expected 0 to " +
                     std::to_string(bounds.caps[l]));
}

void check_heads(const Instance& allocator, const LayerBudgets& budgets, const LayerBounds& bounds) {
  for (int64_t l = 0; l < std::ssize(budgets.entries); ++l) {
    const auto heads = budgets.heads_of(l);
    for (size_t h = 0; h < heads.size(); ++h)
      if (const int64_t cap = bounds.head_cap(l, static_cast<int64_t>(h));
          heads[h] < 0 || heads[h] > cap)
        run_failed(allocator.name(),
                   "gave head " + std::to_string(h) + " of layer " + std::to_string(l) + " " +
                       std::to_string(heads[h]) + " entries; expected 0 to " + std::to_string(cap));
    const int64_t sum = std::accumulate(heads.begin(), heads.end(), int64_t{0});
    if (sum != budgets.entries[l])
      run_failed(allocator.name(),
                 "gave layer " + std::to_string(l) + " " + std::to_string(budgets.entries[l]) +
                     " entries and its heads " + std::to_string(sum) + "; expected their sum");
  }
}

void check_shares(const Instance& allocator, const std::vector<double>& shares, int64_t n) {
  for (int64_t l = 0; l < n; ++l)
    if (!std::isfinite(shares[l]) || shares[l] < 0)
      run_failed(allocator.name(),
                 "gave layer " + std::to_string(l) + " the share " + std::to_string(shares[l]) +
                     " (nan: none was written); expected a finite number >= 0");
}

}  // namespace

int64_t LayerBudgets::total() const { return sum_of(entries, 0, std::ssize(entries)); }

std::span<const int64_t> LayerBudgets::heads_of(int64_t layer) const {
  if (heads.empty()) return {};
  const size_t n = heads.size() / entries.size();
  return std::span(heads).subspan(static_cast<size_t>(layer) * n, n);
}

LayerBudgets everything(const LayerBounds& bounds) {
  return {bounds.caps,
          {},
          std::vector<double>(bounds.caps.size(), std::numeric_limits<double>::quiet_NaN()),
          "",
          ""};
}

bool drop_unseen(const ModelConfig& config, int64_t layer, int64_t n_seen, KvCache& cache) {
  const int64_t window = config.window_of(layer);
  if (window <= 1 || n_seen < window) return false;
  cache.drop_before(layer, n_seen - window + 1);
  return true;
}

LayerBounds layer_bounds(const ModelConfig& config, int64_t kv_len) {
  LayerBounds bounds;
  bounds.kv_len = kv_len;
  bounds.n_kv_heads = config.n_kv_heads;
  for (int64_t l = 0; l < config.n_layers; ++l) {
    const int64_t window = config.window_of(l);
    // Of a full window the oldest entry is out of the next query's sight.
    const int64_t longest = window > 1 && kv_len >= window ? window - 1 : kv_len;
    bounds.floors.push_back(config.n_kv_heads);
    bounds.caps.push_back(config.n_kv_heads * longest);
  }
  return bounds;
}

namespace {

// Asks the allocator, whose integers go into `result` and whose shares go into `shares`. True when
// the integers count.
bool ask_allocator(const Stage& stage,
                   StageState& state,
                   const kvh_layer_request& request,
                   LayerBudgets& result,
                   std::vector<double>& shares) {
  const Instance* allocator = stage.layer_allocator();
  constexpr double kUnwritten = std::numeric_limits<double>::quiet_NaN();
  const auto n_layers = static_cast<size_t>(request.n_layers);
  Fenced<double> given(n_layers, kUnwritten), observed(n_layers, kUnwritten);
  Fenced<int64_t> entries(n_layers, -1);
  const auto n_heads = static_cast<size_t>(request.n_kv_heads);
  Fenced<int64_t> heads(n_layers * n_heads, -1);
  std::vector<int64_t*> head_rows;
  for (size_t l = 0; l < n_layers; ++l) head_rows.push_back(heads.data() + l * n_heads);
  kvh_layer_answer answer{sizeof(kvh_layer_answer),
                          0,
                          given.data(),
                          entries.data(),
                          observed.data(),
                          0,
                          0,
                          head_rows.data(),
                          ""};
  allocator->call("allocate()", -1, [&](kvh_error* error) {
    return allocator->functions<kvh_layer_allocator>()->allocate(
        allocator->get(), state.layer_allocator().get(), &request, &answer, error);
  });
  for (const char* broken : {given.broken(), entries.broken(), observed.broken(), heads.broken()})
    allocator->check_fence("allocate()", -1, broken, "answer");
  if (answer.observed_name[0]) {
    result.observed_name = printable(
        {answer.observed_name, strnlen(answer.observed_name, sizeof answer.observed_name)});
    result.observed_from = stage.observer() == allocator ? "prompt" : "profile";
  }
  shares.assign(given.begin(), given.end());
  result.observed.assign(observed.begin(), observed.end());
  if (answer.exact) {
    result.entries.assign(entries.begin(), entries.begin() + request.n_observed);
    result.entries.resize(n_layers, 0);
    if (answer.heads_exact && request.n_observed == request.n_layers)
      result.heads.assign(heads.begin(), heads.end());
  }
  return answer.exact != 0;
}

}  // namespace

LayerBudgets divide_over_layers(const Stage& stage,
                                StageState& state,
                                const LayerBounds& bounds,
                                int64_t total_entries,
                                int64_t n_observed,
                                std::span<ScoresView> scores) {
  const auto n_layers = static_cast<int64_t>(bounds.caps.size());
  LayerBudgets result;
  result.entries.assign(n_layers, 0);
  result.observed.assign(n_layers, std::numeric_limits<double>::quiet_NaN());
  std::vector<double> shares(n_layers, 1.0);
  const Instance* allocator = stage.layer_allocator();
  std::vector<const kvh_score_view*> layers;
  for (const ScoresView& layer : scores) layers.push_back(layer.read());
  const kvh_layer_request request{sizeof(kvh_layer_request),
                                  bounds.phase,
                                  static_cast<int32_t>(n_layers),
                                  static_cast<int32_t>(bounds.n_kv_heads),
                                  static_cast<int32_t>(n_observed),
                                  0,
                                  bounds.kv_len,
                                  total_entries,
                                  bounds.floors.data(),
                                  bounds.caps.data(),
                                  layers.empty() ? nullptr : layers.data()};
  if (allocator && ask_allocator(stage, state, request, result, shares)) {
    check_exact(*allocator, result.entries, bounds, n_observed);
    if (!result.heads.empty()) check_heads(*allocator, result, bounds);
    return result;
  }
  if (allocator) check_shares(*allocator, shares, n_observed);
  // Layers not seen yet will take at least their floors.
  const int64_t available = std::min(total_entries - sum_of(bounds.floors, n_observed, n_layers),
                                     sum_of(bounds.caps, 0, n_observed));
  const auto head = [n_observed](auto values) {
    values.resize(n_observed);
    return values;
  };
  auto entries = apportion(std::max(available, sum_of(bounds.floors, 0, n_observed)),
                           head(shares),
                           head(bounds.floors),
                           head(bounds.caps));
  entries.resize(n_layers, 0);
  result.entries = std::move(entries);
  return result;
}

void divide_over_stages(const Press& press,
                        const std::function<StageState&(size_t)>& state_of,
                        LayerBounds bounds,
                        int64_t total_entries,
                        std::vector<LayerBudgets>& budgets) {
  const auto n_layers = std::ssize(bounds.caps);
  const auto totals = press.totals(everything(bounds).total(), total_entries);
  budgets.resize(press.stages().size());
  for (size_t s = 0; s < press.stages().size(); ++s) {
    const Stage& stage = press.stages()[s];
    if (!stage.selects()) continue;
    if (stage.head_owns_total())
      budgets[s] = everything(bounds);
    else if (stage.cut_time() == CutTime::AtOnce)
      budgets[s] = divide_over_layers(stage, state_of(s), bounds, totals[s], n_layers);
    bounds.caps = budgets[s].entries;
    for (size_t l = 0; l < bounds.caps.size(); ++l)
      bounds.floors[l] = std::min(bounds.floors[l], bounds.caps[l]);
  }
}

}  // namespace kvhost
