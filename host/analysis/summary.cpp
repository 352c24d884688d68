// SPDX-License-Identifier: Apache-2.0
#include "analysis/summary.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "analysis/effective_rank.hpp"
#include "tasks/statistics.hpp"

namespace kvhost::analysis {

namespace {

using Table = std::vector<std::vector<double>>;  // [n_layers][n_heads]

// Mean over the texts, entry by entry; empty where a text lacks it.
Table mean_table(const std::vector<TextRanks>& texts, Table TextRanks::* part) {
  Table out;
  for (const TextRanks& text : texts) {
    const Table& table = text.*part;
    if (table.empty()) return {};
    if (out.empty()) out.assign(table.size(), Profile(table[0].size(), 0.0));
    for (size_t l = 0; l < table.size(); ++l)
      for (size_t h = 0; h < table[l].size(); ++h)
        out[l][h] += table[l][h] / static_cast<double>(texts.size());
  }
  return out;
}

template <class Combine>
Similarity combined(std::span<const Similarity> all, const Combine& combine) {
  Similarity out;
  for (double Similarity::* part :
       {&Similarity::pearson, &Similarity::spearman, &Similarity::cosine}) {
    std::vector<double> values;
    for (const Similarity& one : all) values.push_back(one.*part);
    if (!values.empty()) out.*part = combine(values);
  }
  return out;
}

}  // namespace

Profile mean_of(std::span<const Profile> profiles) {
  Profile out(profiles[0].size(), 0.0);
  for (const Profile& profile : profiles)
    for (size_t l = 0; l < out.size(); ++l)
      out[l] += profile[l] / static_cast<double>(profiles.size());
  return out;
}

Profile std_of(std::span<const Profile> profiles) {
  const Profile mean = mean_of(profiles);
  Profile out(mean.size(), 0.0);
  for (const Profile& profile : profiles)
    for (size_t l = 0; l < out.size(); ++l) {
      const double apart = profile[l] - mean[l];
      out[l] += apart * apart / static_cast<double>(profiles.size());
    }
  for (double& x : out) x = std::sqrt(x);
  return out;
}

Similarity similarity(const Profile& a, const Profile& b) {
  return {tasks::pearson(a, b), tasks::spearman(a, b), tasks::cosine(a, b)};
}

Similarity mean_of(std::span<const Similarity> all) {
  return combined(all, [](const std::vector<double>& values) { return tasks::mean(values); });
}

Similarity least_of(std::span<const Similarity> all) {
  return combined(all, [](const std::vector<double>& values) {
    return *std::min_element(values.begin(), values.end());
  });
}

Profile mean_without(std::span<const Profile> profiles, size_t left_out) {
  std::vector<Profile> others(profiles.begin(), profiles.end());
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(left_out));
  return mean_of(std::span<const Profile>(others));
}

Profile aggregated(const TextRanks& text, const std::string& aggregation) {
  if (aggregation == "mean") return text.ranks;
  Profile out;
  for (const auto& heads : text.head_ranks) out.push_back(aggregate(aggregation, heads));
  return out;
}

void summarise(LengthRanks& length) {
  std::vector<Profile> profiles;
  for (const TextRanks& text : length.texts) profiles.push_back(text.ranks);
  const std::span<const Profile> all(profiles);
  length.mean = mean_of(all);
  length.std = std_of(all);
  length.head_mean = mean_table(length.texts, &TextRanks::head_ranks);
  length.entropy = mean_table(length.texts, &TextRanks::entropies);
  std::vector<Similarity> between, stored;
  for (size_t i = 0; i < all.size() && all.size() > 1; ++i) {
    for (size_t j = i + 1; j < all.size(); ++j) between.push_back(similarity(all[i], all[j]));
    stored.push_back(similarity(all[i], mean_without(all, i)));
  }
  length.between = mean_of(std::span<const Similarity>(between));
  length.between_least = least_of(between);
  length.stored = mean_of(std::span<const Similarity>(stored));
  length.stored_least = least_of(stored);
}

double misplaced(std::span<const int64_t> a, std::span<const int64_t> b) {
  double sum = 0;
  for (size_t l = 0; l < a.size(); ++l) sum += static_cast<double>(std::abs(a[l] - b[l]));
  return sum / 2;
}

}  // namespace kvhost::analysis
