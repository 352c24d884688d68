// SPDX-License-Identifier: Apache-2.0
// NestedKV's three anchors, written out plainly.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "plugin_method.hpp"

using namespace kvhost::testing;

namespace {

using Row = std::vector<double>;

double cosine(const Row& a, const Row& b) {
  double product = 0, x = 0, y = 0;
  for (size_t c = 0; c < a.size(); ++c) product += a[c] * b[c], x += a[c] * a[c], y += b[c] * b[c];
  return product / std::sqrt(x * y);
}

// Of unit keys [begin, end).
Row mean(const std::vector<Row>& unit, size_t begin, size_t end) {
  Row out(unit[0].size(), 0.0);
  for (size_t i = begin; i < end; ++i)
    for (size_t c = 0; c < out.size(); ++c) out[c] += unit[i][c] / static_cast<double>(end - begin);
  return out;
}

std::vector<double> places(const std::vector<double>& values) {
  std::vector<double> out;
  for (const double value : values)
    out.push_back(static_cast<double>(std::count_if(values.begin(), values.end(),
                                                    [&](double other) { return other < value; })) /
                  static_cast<double>(values.size() - 1));
  return out;
}

}  // namespace

TEST_CASE("nestedkv: rankings of the distance to the mean key of all, of the block, of what is around") {
  constexpr size_t kTokens = 23, kBlock = 5, kAround = 3;
  FakeLayer layer({2, 2, 6, 8, 1}, FakeLayer::dense(2, kTokens), kTokens);
  const auto scored = [&](const char* mix) {
    return PluginMethod(KVHOST_PLUGINS "/libnestedkv.so",
                        {{"block_size", int64_t{kBlock}},
                         {"around", int64_t{kAround}},
                         {"mix", std::string(mix)}})
        .score(layer.raw());
  };
  for (size_t h = 0; h < 2; ++h) {
    std::vector<Row> unit;
    for (size_t i = 0; i < kTokens; ++i) {
      Row key;
      for (int64_t c = 0; c < 6; ++c) key.push_back(layer.keys(h).at(static_cast<int64_t>(i), c));
      double square = 0;
      for (const double x : key) square += x * x;
      for (double& x : key) x /= std::sqrt(square);
      unit.push_back(key);
    }
    std::vector<double> all, block, near;
    for (size_t i = 0; i < kTokens; ++i) {
      const size_t begin = i / kBlock * kBlock;
      all.push_back(1 - cosine(unit[i], mean(unit, 0, kTokens)));
      block.push_back(1 - cosine(unit[i], mean(unit, begin, std::min(begin + kBlock, kTokens))));
      near.push_back(1 - cosine(unit[i], mean(unit, i < kAround ? 0 : i - kAround,
                                              std::min(i + kAround + 1, kTokens))));
    }
    const auto a = places(all), b = places(block), c = places(near);
    const auto averaged = scored("mean").scores[h], largest = scored("max").scores[h];
    for (size_t i = 0; i < kTokens; ++i) {
      CHECK(averaged[i] == Approx((a[i] + b[i] + c[i]) / 3).margin(1e-6));
      CHECK(largest[i] == Approx(std::max({a[i], b[i], c[i]})).margin(1e-6));
    }
  }
}
