// SPDX-License-Identifier: Apache-2.0
// What each operation of the cache promises, one by one.
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "cache/kv_cache.hpp"
#include "cache_model.hpp"

namespace {

using kvhost::ChannelPlan;
using kvhost::DType;
using kvhost::KeepPlan;
using kvhost::KvCache;

}  // namespace

TEST_CASE("a prefill is one exact region") {
  KvCache cache({1, 3, 8, DType::Float16});
  CHECK(cache.append(0, 100, 0) == std::vector<int64_t>{0, 0, 0});
  const auto* first = static_cast<const uint8_t*>(cache.head(0, 0).keys);
  CHECK(static_cast<const uint8_t*>(cache.head(0, 1).keys) == first + 100 * 16);
  CHECK(static_cast<const uint8_t*>(cache.head(0, 2).keys) == first + 200 * 16);
}

TEST_CASE("a window that slides for long keeps its memory bounded") {
  KvCache cache({1, 2, 16, DType::Float32});
  cache.append(0, 300, 0);
  for (int64_t position = 300; position < 3000; ++position) {
    cache.append(0, 1, position);
    cache.drop_before(0, position - 255);
    REQUIRE(cache.n_kept(0, 1) == 256);
    REQUIRE(cache.head(0, 1).positions[0] == position - 255);
    REQUIRE(cache.bytes_allocated() < 2 * cache.bytes_kept());
  }
}

TEST_CASE("n_seen stays when entries go, and clear gives everything back") {
  KvCache cache({2, 2, 8, DType::Float32});
  for (int64_t layer = 0; layer < 2; ++layer) {
    cache.append(layer, 10, 0);
  }
  cache.advance(10);
  cache.compact(0, {{{1, 2}, {}}});
  cache.compact(1, {{{}, {}}});
  CHECK(cache.n_seen() == 10);
  CHECK(cache.n_kept(0, 0) == 2);
  CHECK(cache.n_kept(0, 1) == 0);
  CHECK(cache.head(1, 0).n == 0);
  CHECK(cache.append(1, 1, 10) == std::vector<int64_t>{0, 0});
  KvCache moved = std::move(cache);
  CHECK(moved.n_seen() == 10);
  moved.clear();
  CHECK(moved.bytes_allocated() == 0);
  CHECK(moved.n_seen() == 0);
}

TEST_CASE("a wrong plan is refused by name and changes nothing") {
  KvCache cache({2, 2, 8, DType::Float32});
  cache.append(1, 4, 0);
  const auto refused = [&](const KeepPlan& plan, const char* text) {
    CHECK_THROWS_WITH(cache.compact(1, plan), Catch::Contains(text));
    CHECK(cache.n_kept(1, 0) == 4);
  };
  refused({{{0}}}, "layer 1: the plan has 1 heads; expected 2");
  refused({{{0}, {1, 1}}}, "layer 1, head 1: index 1 after 1");
  refused({{{2, 0}, {}}}, "layer 1, head 0: index 0 after 2");
  refused({{{4}, {}}}, "expected ascending indices below 4");
  refused({{{-1}, {}}}, "index -1");
}

TEST_CASE("pruned channels give their bytes back, and a wrong choice of them is refused") {
  KvCache cache({1, 2, 8, DType::Float32});
  cache.append(0, 4096, 0);
  const int64_t before = cache.bytes_allocated();
  const auto refused = [&](const ChannelPlan& plan, const char* text) {
    CHECK_THROWS_WITH(cache.prune_channels(0, plan), Catch::Contains(text));
    CHECK(cache.bytes_allocated() == before);
  };
  refused({{{0, 1}}}, "layer 0: the plan has 1 heads; expected 2");
  refused({{{0, 1}, {2}}}, "layer 0, head 1: 1 channels; expected as many as in head 0 (2)");
  refused({{{}, {}}}, "at least one");
  refused({{{0, 1}, {3, 3}}}, "layer 0, head 1: channel 3 after 3");
  refused({{{0, 8}, {3, 4}}}, "expected ascending channels below 8");
  cache.reset_peak();
  cache.prune_channels(0, {{{0, 1}, {3, 7}}});
  CHECK(before - cache.bytes_allocated() == 2 * 4096 * 6 * 4);
  CHECK(cache.bytes_peak() == before);  // in place
}

TEST_CASE("heads that move at the same time do not overwrite each other") {
  const int before = kvhost::num_threads();
  kvhost::set_num_threads(2);
  constexpr int32_t n = 12000;               // long enough for both threads to be at work
  for (const uint32_t one_in : {2u, 10u}) {  // dropped: many, hardly any
    kvhost::test::CacheModel model({1, 8, 64, DType::BFloat16});
    model.append(0, n, 0);
    std::mt19937 rng(one_in);
    KeepPlan plan;
    for (int64_t h = 0; h < 8; ++h) {
      std::vector<int32_t> kept;
      for (int32_t i = 0; i < n; ++i) {
        if (rng() % one_in != 0) {
          kept.push_back(i);
        }
      }
      plan.heads.push_back(kept);
    }
    model.compact(0, plan);
    for (int64_t h = 0; h < 8; ++h) {
      INFO("one in " << one_in << ", head " << h);
      CHECK(model.same(0, h));
    }
  }
  kvhost::set_num_threads(before);
}
