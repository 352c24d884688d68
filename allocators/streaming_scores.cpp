// SPDX-License-Identifier: Apache-2.0
#include "streaming_scores.hpp"

namespace kvhost::allocators {
namespace {

using namespace kvhost::sdk;

// The mean of rows as they were before the rotation. row(i, scratch) stands at position(i). -> [d]
template <typename Row, typename Position>
std::vector<float> mean_unrotated(
    int64_t n, int64_t d, const RopeTable& table, const Row& row, const Position& position) {
  std::vector<double> sum(static_cast<size_t>(d), 0.0);
  std::vector<float> scratch, turned(static_cast<size_t>(d));
  for (int64_t i = 0; i < n; ++i) {
    table.unrotate(row(i, scratch), d, position(i), turned.data());
    for (size_t c = 0; c < turned.size(); ++c) sum[c] += turned[c];
  }
  std::vector<float> mean;
  for (const double s : sum) mean.push_back(static_cast<float>(s / static_cast<double>(n)));
  return mean;
}

// The mean over positions of the softmax summed up from the first one on.
double area_under(std::vector<double> logits) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double total = 0, so_far = 0, area = 0;
  for (double& x : logits) total += x = std::exp(x - max);
  for (const double x : logits) area += so_far += x / total;
  return area / static_cast<double>(logits.size());
}

// Scores of the heads that read one KV head, averaged.
double group_score(
    const Layer& layer, const Cube& queries, int32_t h, const RopeTable& table, int64_t length) {
  const int64_t d = layer.head_dim(), group = layer.group_size();
  const Head head = layer.head(h);
  const Matrix keys = head.keys();
  const auto key = mean_unrotated(
      head.n_entries(),
      d,
      table,
      [&](int64_t i, std::vector<float>& s) { return keys.row(i, s); },
      [&](int64_t i) { return head.position(i); });
  const int64_t first = layer.n_seen() - queries.rows();
  double sum = 0;
  for (int64_t g = 0; g < group; ++g) {
    const auto query = mean_unrotated(
        queries.rows(),
        d,
        table,
        [&](int64_t i, std::vector<float>& s) { return queries.row(h * group + g, i, s); },
        [&](int64_t i) { return first + i; });
    std::vector<float> at_end(query.size()), there(key.size());
    table.rotate(query.data(), d, length - 1, at_end.data());
    std::vector<double> logits;
    for (int64_t p = 0; p < length; ++p) {
      table.rotate(key.data(), d, p, there.data());
      logits.push_back(inner_product(at_end.data(), there.data(), d) /
                       std::sqrt(static_cast<double>(d)));
    }
    sum += area_under(std::move(logits));
  }
  return sum / static_cast<double>(group);
}

}  // namespace

std::vector<double> streaming_scores(const Layer& layer, int64_t length) {
  const Cube queries(layer.get(KVH_T_QUERY_WINDOW));
  const RopeTable table(layer, 0, std::max(layer.n_seen(), length));
  std::vector<double> scores(static_cast<size_t>(layer.n_kv_heads()));
  for_each_head(layer, [&](int32_t h) {
    scores[static_cast<size_t>(h)] = group_score(layer, queries, h, table, length);
  });
  return scores;
}

}  // namespace kvhost::allocators
