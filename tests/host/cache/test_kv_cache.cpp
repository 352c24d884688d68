// SPDX-License-Identifier: Apache-2.0
// The cache against plain vectors, under random sequences of its operations.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "cache/kv_cache.hpp"

namespace {

using kvhost::CacheLayout;
using kvhost::ChannelPlan;
using kvhost::DType;
using kvhost::HeadSpan;
using kvhost::KeepPlan;
using kvhost::KvCache;

// What an entry should hold: every byte of its rows tells which entry it is.
uint8_t stamp(int64_t layer, int64_t head, int64_t position, int64_t byte, int salt) {
  return static_cast<uint8_t>(layer * 31 + head * 17 + position * 7 + byte * 3 + salt);
}

struct Model {
  explicit Model(const CacheLayout& layout)
      : layout(layout),
        cache(layout),
        positions(static_cast<size_t>(layout.n_layers * layout.n_kv_heads)),
        pruned(static_cast<size_t>(layout.n_layers), -1),
        channels(static_cast<size_t>(layout.n_layers)) {}

  std::vector<int32_t>& held(int64_t layer, int64_t head) {
    return positions[static_cast<size_t>(layer * layout.n_kv_heads + head)];
  }
  // Of a head's keys: they were pruned, up to this position.
  int32_t& pruned_until(int64_t layer) { return pruned[static_cast<size_t>(layer)]; }
  int64_t n_pruned(int64_t layer, int64_t head) {
    const auto& all = held(layer, head);
    return std::upper_bound(all.begin(), all.end(), pruned_until(layer)) - all.begin();
  }
  int64_t row_bytes() const { return layout.head_dim * kvhost::element_size(layout.dtype); }

  void append(int64_t layer, int64_t n, int64_t first) {
    const std::vector<int64_t> begin = cache.append(layer, n, first);
    REQUIRE(begin.size() == static_cast<size_t>(layout.n_kv_heads));
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
      REQUIRE(begin[static_cast<size_t>(h)] == static_cast<int64_t>(held(layer, h).size()));
      const HeadSpan span = cache.head(layer, h);
      for (int64_t i = 0; i < n; ++i) {
        held(layer, h).push_back(static_cast<int32_t>(first + i));
        const int64_t row = (begin[static_cast<size_t>(h)] + i) * row_bytes();
        const int64_t key_row = row - span.pruned.n * row_bytes();
        for (int64_t b = 0; b < row_bytes(); ++b) {
          static_cast<uint8_t*>(span.keys)[key_row + b] = stamp(layer, h, first + i, b, 1);
          static_cast<uint8_t*>(span.values)[row + b] = stamp(layer, h, first + i, b, 2);
        }
      }
    }
  }

  void compact(int64_t layer, std::mt19937& rng) {
    KeepPlan plan;
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
      const int kind = static_cast<int>(rng() % 4);  // none, all, few, many
      std::vector<int32_t> kept, kept_positions;
      for (size_t i = 0; i < held(layer, h).size(); ++i) {
        if (kind == 1 || (kind == 2 && rng() % 8 == 0) || (kind == 3 && rng() % 8 != 0)) {
          kept.push_back(static_cast<int32_t>(i));
          kept_positions.push_back(held(layer, h)[i]);
        }
      }
      plan.heads.push_back(kept);
      held(layer, h) = kept_positions;
    }
    cache.compact(layer, plan);
  }

  // All keys held now, unless some are already: that is refused.
  void prune(int64_t layer, int32_t last_position, std::mt19937& rng) {
    int64_t before = 0;
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) before += n_pruned(layer, h);
    ChannelPlan plan;
    const auto n_kept = 1 + static_cast<size_t>(rng() % static_cast<uint32_t>(layout.head_dim - 1));
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
      std::vector<int32_t> all(static_cast<size_t>(layout.head_dim));
      std::iota(all.begin(), all.end(), 0);
      plan.heads.emplace_back();
      std::sample(all.begin(), all.end(), std::back_inserter(plan.heads.back()), n_kept, rng);
    }
    if (before > 0) {
      CHECK_THROWS_WITH(cache.prune_channels(layer, plan), Catch::Contains("expected whole keys"));
      return;
    }
    cache.prune_channels(layer, plan);
    pruned_until(layer) = last_position;
    channels[static_cast<size_t>(layer)] = plan.heads;
  }

  bool same_key(int64_t layer, int64_t h, const HeadSpan& span, int64_t i, int32_t position) {
    const int64_t size = kvhost::element_size(layout.dtype);
    if (i >= span.pruned.n) {
      const auto* row = static_cast<const uint8_t*>(span.keys) + (i - span.pruned.n) * row_bytes();
      for (int64_t b = 0; b < row_bytes(); ++b)
        if (row[b] != stamp(layer, h, position, b, 1)) return false;
      return true;
    }
    const auto& kept = channels[static_cast<size_t>(layer)][static_cast<size_t>(h)];
    const auto n_kept = static_cast<int64_t>(kept.size());
    if (span.pruned.width != n_kept + n_kept % 2) return false;
    const auto* row = static_cast<const uint8_t*>(span.pruned.rows) + i * span.pruned.width * size;
    for (int64_t c = 0; c < span.pruned.width; ++c)
      for (int64_t b = 0; b < size; ++b) {
        const uint8_t wanted =
            c < n_kept ? stamp(layer, h, position, kept[static_cast<size_t>(c)] * size + b, 1) : 0;
        if (row[c * size + b] != wanted) return false;
      }
    return true;
  }

  int64_t bytes_of_layer(int64_t layer) {
    int64_t bytes = 0;
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
      const int64_t n = std::ssize(held(layer, h)), few = n_pruned(layer, h);
      bytes += (2 * n - few) * row_bytes();
      if (few > 0)
        bytes += few * cache.head(layer, h).pruned.width * kvhost::element_size(layout.dtype);
    }
    return bytes;
  }

  void drop_before(int64_t layer, int64_t first) {
    cache.drop_before(layer, first);
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
      auto& kept = held(layer, h);
      kept.erase(kept.begin(),
                 std::lower_bound(kept.begin(), kept.end(), static_cast<int32_t>(first)));
    }
  }

  bool same(int64_t layer, int64_t h) {
    const HeadSpan span = cache.head(layer, h);
    const auto& expected = held(layer, h);
    if (span.n != static_cast<int64_t>(expected.size()) || cache.n_kept(layer, h) != span.n ||
        span.pruned.n != n_pruned(layer, h)) {
      return false;
    }
    for (int64_t i = 0; i < span.n; ++i) {
      const int32_t position = expected[static_cast<size_t>(i)];
      if (span.positions[i] != position || !same_key(layer, h, span, i, position)) {
        return false;
      }
      for (int64_t b = 0; b < row_bytes(); ++b) {
        const int64_t at = i * row_bytes() + b;
        if (static_cast<uint8_t*>(span.values)[at] != stamp(layer, h, position, b, 2)) {
          return false;
        }
      }
    }
    return true;
  }

  CacheLayout layout;
  KvCache cache;
  std::vector<std::vector<int32_t>> positions;
  std::vector<int32_t> pruned;                              // by layer, -1: none
  std::vector<std::vector<std::vector<int32_t>>> channels;  // [layer][head]
};

void run_random(const CacheLayout& layout, uint32_t seed) {
  std::mt19937 rng(seed);
  Model model(layout);
  int64_t next = 0;
  for (int step = 0; step < 120; ++step) {
    const uint32_t kind = rng() % 9;
    const int64_t n = kind == 0 ? 1 + rng() % 200 : 1 + rng() % 3;
    const int64_t dropped = next - static_cast<int64_t>(rng() % 300);
    int64_t entries = 0, bytes = 0;
    for (int64_t layer = 0; layer < layout.n_layers; ++layer) {
      if (kind == 6) {
        model.compact(layer, rng);
      } else if (kind == 7) {
        model.drop_before(layer, dropped);
      } else if (kind == 8) {
        model.prune(layer, static_cast<int32_t>(next - 1), rng);
      } else {
        model.append(layer, n, next);
      }
      for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
        INFO("seed " << seed << " step " << step << " layer " << layer << " head " << h);
        REQUIRE(model.same(layer, h));
        entries += model.cache.n_kept(layer, h);
      }
      bytes += model.bytes_of_layer(layer);
    }
    if (kind < 6) {
      next += n;
      model.cache.advance(n);
    }
    REQUIRE(model.cache.n_seen() == next);
    REQUIRE(model.cache.bytes_kept() == bytes);
    REQUIRE(model.cache.bytes_allocated() >= model.cache.bytes_kept() + 4 * entries);
    REQUIRE(model.cache.bytes_peak() >= model.cache.bytes_allocated());
  }
}

}  // namespace

TEST_CASE("random operations agree with plain vectors, at one and two threads") {
  const int before = kvhost::num_threads();
  for (const int threads : {1, 2}) {
    kvhost::set_num_threads(threads);
    for (uint32_t seed = 0; seed < 12; ++seed) {
      run_random({2, 1 + seed % 5, 20, DType::Float32}, seed);
      run_random({1, 8, 6, DType::BFloat16}, 100 + seed);
    }
  }
  kvhost::set_num_threads(before);
}

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
    Model model({1, 8, 64, DType::BFloat16});
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
      model.held(0, h) = kept;
      plan.heads.push_back(kept);
    }
    model.cache.compact(0, plan);
    for (int64_t h = 0; h < 8; ++h) {
      INFO("one in " << one_in << ", head " << h);
      CHECK(model.same(0, h));
    }
  }
  kvhost::set_num_threads(before);
}
