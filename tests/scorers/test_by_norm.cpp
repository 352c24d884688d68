// SPDX-License-Identifier: Apache-2.0
// Scorers that go by the norm of the key, in every dtype a cache may have.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <numeric>

#include "plugin_method.hpp"

using namespace kvhost::testing;

namespace {

std::string library(const std::string& name) { return KVHOST_PLUGINS "/lib" + name + ".so"; }

double norm(FakeTensor& keys, int64_t i) {
  double sum = 0;
  for (int64_t j = 0; j < keys.size(1); ++j) sum += std::pow(keys.at(i, j), 2.0);
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE("knorm is the negative key norm") {
  FakeShape shape;
  shape.head_dim = 6;  // not a multiple of the lanes
  FakeLayer layer(shape, {{0, 1, 2, 3, 7}, {2, 5}}, 10);
  const ScoreTable got = PluginMethod(library("knorm")).score(layer.raw());
  for (size_t h = 0; h < 2; ++h) {
    for (size_t i = 0; i < got.scores[h].size(); ++i) {
      CHECK(got.scores[h][i] == Approx(-norm(layer.keys(h), static_cast<int64_t>(i))));
      CHECK(got.pins[h][i] == 0);
    }
  }
}

TEST_CASE("knorm reads half precision and strided keys") {
  FakeLayer layer({}, FakeLayer::dense(2, 1), 1);
  // 1.5, -2, 0 and the smallest subnormal; every value stands twice, and the view skips the copies.
  const std::vector<uint16_t> bf16{0x3fc0, 0x3fc0, 0xc000, 0xc000, 0, 0, 0x0001, 0x0001};
  const std::vector<uint16_t> fp16{0x3e00, 0x3e00, 0xc000, 0xc000, 0, 0, 0x0001, 0x0001};
  const int64_t shape[] = {1, 4}, strides[] = {8, 2};
  kvh_head head = *layer.raw().heads[0];
  const kvh_head* heads[] = {&head, layer.raw().heads[1]};
  kvh_layer raw = layer.raw();
  raw.heads = heads;
  const PluginMethod knorm(library("knorm"));
  head.keys = {const_cast<uint16_t*>(bf16.data()),
               {KVH_DEVICE_CPU, 0},
               2,
               {KVH_DTYPE_BFLOAT, 16, 1},
               shape,
               strides,
               0};
  CHECK(knorm.score(raw).scores[0][0] == -2.5f);
  head.keys.data = const_cast<uint16_t*>(fp16.data());
  head.keys.dtype = {KVH_DTYPE_FLOAT, 16, 1};
  CHECK(knorm.score(raw).scores[0][0] == -2.5f);
  head.keys.dtype = {KVH_DTYPE_INT, 16, 1};
  CHECK_THROWS_AS(knorm.score(raw), CallFailed);
}

TEST_CASE("h2o_l2 pins first and recent entries and scores the rest by norm") {
  FakeLayer layer({}, {{0, 1, 2, 5, 6, 11, 18, 19}, {1, 7, 15, 16}}, 20);
  const PluginMethod h2o(
      library("h2o_l2"),
      {{"start_size", int64_t{2}}, {"heavy_hitter_size", int64_t{3}}, {"recent_size", int64_t{4}}});
  const ScoreTable got = h2o.score(layer.raw());
  CHECK(got.pins[0] == std::vector<int8_t>{2, 2, 0, 0, 0, 0, 1, 1});
  CHECK(got.pins[1] == std::vector<int8_t>{2, 0, 0, 1});
  CHECK(got.scores[0][3] == Approx(-norm(layer.keys(0), 3)));
}

TEST_CASE("h2o_l2 states the cache size its parameters spell out") {
  const PluginMethod h2o(library("h2o_l2"));
  const auto* own =
      static_cast<const kvh_own_budget*>(h2o.method().extension(&h2o.method(), KVH_EXT_OWN_BUDGET));
  REQUIRE(own != nullptr);
  CHECK(own->entries_per_head(h2o.instance(), /*n_tokens=*/2000) == 512);
  CHECK(h2o.method().extension(&h2o.method(), "kvhost.unheard_of/1") == nullptr);
}
