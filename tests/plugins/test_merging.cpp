// SPDX-License-Identifier: Apache-2.0
// Merging against a plain transcription of its definition.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "plugin_method.hpp"

using namespace kvhost::testing;

namespace {

const std::string kLibrary = KVHOST_PLUGINS "/libmerging.so";
using Kept = std::vector<std::vector<int32_t>>;
using Rows = std::vector<std::vector<float>>;  // per head [n_kept * d]

double norm(FakeTensor& t, int64_t i) {
  double sum = 0;
  for (int64_t j = 0; j < t.size(1); ++j) sum += t.at(i, j) * t.at(i, j);
  return std::sqrt(sum);
}

double cosine(FakeTensor& keys, int64_t a, int64_t b) {
  double dot = 0;
  for (int64_t j = 0; j < keys.size(1); ++j) dot += keys.at(a, j) * keys.at(b, j);
  return dot / (std::max(norm(keys, a), 1e-6) * std::max(norm(keys, b), 1e-6));
}

struct Match {
  int64_t from;
  size_t to;
  double similarity;
  bool ok;
};

std::vector<Match> matches(FakeLayer& layer,
                           size_t h,
                           const std::vector<int32_t>& kept,
                           double threshold,
                           double fraction) {
  std::vector<Match> out;
  for (int64_t e = 0; e < layer.n_entries(h); ++e) {
    if (std::find(kept.begin(), kept.end(), e) != kept.end()) continue;
    Match m{e, 0, -2, false};
    for (size_t k = 0; k < kept.size(); ++k) {
      const double c = cosine(layer.keys(h), e, kept[k]);
      if (c > m.similarity) m = {e, k, c, c >= threshold};
    }
    out.push_back(m);
  }
  const bool any = std::any_of(out.begin(), out.end(), [](const Match& m) { return m.ok; });
  if (fraction < 1 && any) {
    std::vector<double> open;
    for (const Match& m : out) {
      open.push_back(m.ok ? m.similarity : -std::numeric_limits<double>::infinity());
    }
    std::sort(open.begin(), open.end());
    const double at = (1 - fraction) * static_cast<double>(open.size() - 1);
    const auto low = static_cast<size_t>(at);
    const size_t high = std::min(low + 1, open.size() - 1);
    const double cut = open[low] + (at - static_cast<double>(low)) * (open[high] - open[low]);
    for (Match& m : out) m.ok = m.ok && m.similarity >= cut;
  }
  return out;
}

std::vector<float> reference(FakeLayer& layer,
                             size_t h,
                             const std::vector<int32_t>& kept,
                             double threshold,
                             double fraction) {
  const int64_t d = layer.shape().head_dim;
  FakeTensor& values = layer.values(h);
  std::vector<double> sums, totals(kept.size(), 0.0);
  for (const int32_t k : kept) {
    for (int64_t j = 0; j < d; ++j) sums.push_back(values.at(k, j));
  }
  for (const Match& m : matches(layer, h, kept, threshold, fraction)) {
    if (!m.ok || m.similarity <= 0) continue;
    const double from = norm(values, m.from), to = norm(values, kept[m.to]);
    const double weight = m.similarity * from / (from + to + 1e-6);
    totals[m.to] += weight;
    for (int64_t j = 0; j < d; ++j) {
      sums[m.to * static_cast<size_t>(d) + static_cast<size_t>(j)] += weight * values.at(m.from, j);
    }
  }
  std::vector<float> out;
  for (size_t i = 0; i < sums.size(); ++i) {
    out.push_back(static_cast<float>(sums[i] / (1 + totals[i / static_cast<size_t>(d)])));
  }
  return out;
}

Rows run(FakeLayer& layer, const Kept& kept, const Settings& settings) {
  Rows rows;
  std::vector<int64_t> counts;
  std::vector<const int32_t*> indices;
  std::vector<float*> pointers;
  for (size_t h = 0; h < kept.size(); ++h) {
    rows.emplace_back();
    for (const int32_t k : kept[h]) {
      for (int64_t j = 0; j < layer.shape().head_dim; ++j) {
        rows.back().push_back(layer.values(h).at(k, j));
      }
    }
    counts.push_back(static_cast<int64_t>(kept[h].size()));
    indices.push_back(kept[h].data());
  }
  for (auto& row : rows) pointers.push_back(row.data());
  kvh_edit edit{sizeof(kvh_edit),
                static_cast<int32_t>(kept.size()),
                counts.data(),
                indices.data(),
                pointers.data(),
                nullptr,
                nullptr,
                nullptr,
                nullptr};
  PluginMethod(kLibrary, settings).edit(layer.raw(), edit);
  return rows;
}

void check_against_reference(double threshold, double fraction) {
  FakeLayer layer({}, {FakeLayer::dense(1, 60)[0], {0, 4, 5, 9, 12, 13, 30}}, 60);
  const Kept kept{{0, 3, 4, 17, 30, 31, 44, 58, 59}, {1, 2, 6}};
  const Rows got =
      run(layer, kept, {{"similarity_threshold", threshold}, {"merge_fraction", fraction}});
  for (size_t h = 0; h < 2; ++h) {
    const std::vector<float> want = reference(layer, h, kept[h], threshold, fraction);
    REQUIRE(got[h].size() == want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      INFO("head " << h << ", element " << i);
      CHECK(got[h][i] == Approx(want[i]).epsilon(1e-4).margin(1e-5));
    }
  }
}

}  // namespace

TEST_CASE("merging blends evicted values into the most similar kept entry") {
  check_against_reference(0.0, 1.0);
  check_against_reference(0.4, 1.0);
  check_against_reference(0.0, 0.5);
}

TEST_CASE("merging leaves values alone when nothing is similar enough or nothing is evicted") {
  FakeLayer layer({}, FakeLayer::dense(2, 6), 6);
  const Kept all{{0, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5}};
  CHECK(run(layer, all, {})[0] == layer.values(0).data());
  const Kept some{{0, 5}, {}};
  const Rows got = run(layer, some, {{"similarity_threshold", 1.0}});
  for (int64_t j = 0; j < 8; ++j) {
    CHECK(got[0][static_cast<size_t>(j)] == layer.values(0).at(0, j));
    CHECK(got[0][static_cast<size_t>(8 + j)] == layer.values(0).at(5, j));
  }
}

TEST_CASE("merging moves the kept values towards the evicted ones") {
  FakeLayer layer({}, FakeLayer::dense(2, 60), 60);
  Kept kept{{0, 10, 20, 30, 40}, {1, 2, 3, 4, 5}};
  const Rows merged = run(layer, kept, {});
  CHECK(merged[0] != run(layer, kept, {{"similarity_threshold", 1.0}})[0]);
}
