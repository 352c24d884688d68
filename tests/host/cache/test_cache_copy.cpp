// SPDX-License-Identifier: Apache-2.0
// Random sequences of all operations against plain vectors; copies, what truncation takes back and
// what it does not, layers made again from their shape.
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "cache/kv_cache.hpp"
#include "cache_model.hpp"

namespace {

using kvhost::CacheLayout;
using kvhost::DType;
using kvhost::KvCache;
using kvhost::LayerRows;
using kvhost::test::CacheModel;

// Now and then a copy is made and the two go on, each its own way.
void run_random(const CacheLayout& layout, uint32_t seed) {
  std::mt19937 rng(seed);
  CacheModel model(layout);
  std::optional<CacheModel> copy;
  for (int step = 0; step < 120; ++step) {
    INFO("seed " << seed << " step " << step);
    if (rng() % 10 == 0) {
      copy.emplace(model.clone());
      REQUIRE(copy->same());
      // Nothing but page rounding: keys, values with positions, pruned keys and biases of each layer.
      const int64_t exact = copy->bytes_kept() + 4 * copy->n_entries();
      REQUIRE(copy->cache().bytes_allocated() <= exact + 4 * 4096 * layout.n_layers);
      REQUIRE(copy->cache().bytes_peak() == copy->cache().bytes_allocated());
    }
    CacheModel& next = copy && rng() % 2 == 0 ? *copy : model;
    next.step(rng);
    REQUIRE(model.same());
    if (copy) REQUIRE(copy->same());
  }
}

CacheModel of_length(const CacheLayout& layout, int64_t n) {
  CacheModel model(layout);
  for (int64_t layer = 0; layer < layout.n_layers; ++layer) model.append(layer, n, 0);
  model.advance(n);
  return model;
}

}  // namespace

TEST_CASE("random operations agree with plain vectors, at one and two threads") {
  const int before = kvhost::num_threads();
  for (const int threads : {1, 2}) {
    kvhost::set_num_threads(threads);
    for (uint32_t seed = 0; seed < 10; ++seed) {
      run_random({2, 1 + seed % 5, 20, DType::Float32}, seed);
      run_random({1, 8, 6, DType::BFloat16}, 100 + seed);
    }
  }
  kvhost::set_num_threads(before);
}

TEST_CASE("truncation forgets what came later and nothing else") {
  CacheModel model = of_length({2, 3, 8, DType::Float32}, 100);
  model.compact(0, {{{1, 2, 98, 99}, {}, {50}}});
  model.drop_before(1, 90);
  for (int64_t layer = 0; layer < 2; ++layer) model.append(layer, 30, 100);
  model.advance(30);
  model.truncate(100);
  CHECK(model.same());
  CHECK(model.cache().n_kept(0, 0) == 4);
  CHECK(model.cache().n_kept(0, 1) == 0);
  CHECK(model.cache().head(1, 2).positions[0] == 90);  // what a window dropped does not come back
  CHECK(model.cache().n_seen() == 100);
  model.truncate(99);  // into what was compacted: the entries that are left of it
  CHECK(model.cache().n_kept(0, 0) == 3);
  CHECK(model.same());
  model.truncate(0);
  CHECK(model.cache().bytes_allocated() == 0);
}

TEST_CASE("truncation to what was seen undoes a forward that did not end") {
  CacheModel model = of_length({2, 2, 8, DType::Float32}, 10);
  model.append(0, 5, 10);  // layer 1 was never reached
  model.truncate(10);
  CHECK(model.same());
  CHECK(model.cache().n_kept(0, 1) == 10);
}

TEST_CASE("truncation reaches into pruned keys") {
  CacheModel model = of_length({1, 2, 8, DType::Float32}, 10);
  std::mt19937 rng(1);
  model.prune(0, rng);
  model.append(0, 5, 10);
  model.advance(5);
  model.truncate(7);
  CHECK(model.cache().head(0, 1).pruned.n == 7);
  CHECK(model.same());
  model.append(0, 2, 7);
  model.advance(2);
  CHECK(model.same());
}

TEST_CASE("biases go with their entries: evicted, truncated, copied, given anew, and none when all are 0") {
  CacheModel model = of_length({2, 2, 8, DType::BFloat16}, 40);
  const int64_t before = model.cache().bytes_kept();
  model.bias(0, /*zeros=*/false);
  CHECK(model.cache().bytes_kept() == before + 2 * 40 * 4);
  CHECK(model.cache().head(1, 0).bias.n == 0);
  model.append(0, 5, 40);
  model.append(1, 5, 40);
  model.advance(5);
  CHECK(model.cache().head(0, 1).bias.n == 40);
  model.compact(0, {{{3, 39, 40}, {41}}});
  CHECK(model.cache().head(0, 0).bias.n == 2);
  CHECK(model.cache().head(0, 1).bias.n == 0);
  CHECK(model.same());
  CHECK(model.clone().same());
  model.truncate(39);
  CHECK(model.cache().head(0, 0).bias.n == 1);
  CHECK(model.same());
  model.bias(1, /*zeros=*/false);
  model.bias(1, /*zeros=*/true);
  CHECK(model.cache().head(1, 1).bias.n == 0);
  CHECK(model.same());
}

TEST_CASE("biases that cannot be meant are refused and change nothing") {
  CacheModel model = of_length({1, 2, 8, DType::Float32}, 3);
  model.bias(0, /*zeros=*/false);
  const auto refused = [&](const std::vector<std::vector<float>>& biases, const char* text) {
    CHECK_THROWS_WITH(model.cache().set_biases(0, biases), Catch::Contains(text));
    CHECK(model.same());
  };
  refused({{1, 2, 3}}, "set_biases: layer 0: the plan has 1 heads; expected 2");
  refused({{1, 2, 3}, {1, 2}}, "head 1: 2 biases; expected 3, one of every entry held");
  refused({{1, 2, 3}, {1, std::nanf(""), 3}}, "head 1: the bias nan; expected finite numbers");
}

TEST_CASE("truncation that cannot be meant is refused and changes nothing") {
  CacheModel model = of_length({1, 2, 8, DType::Float32}, 10);
  const auto refused = [&](int64_t n, const char* text) {
    CHECK_THROWS_WITH(model.cache().truncate(n), Catch::Contains(text));
    CHECK(model.same());
  };
  refused(11, "truncate: to 11; expected 0 (none) to 10 (what the cache has seen)");
  refused(-1, "to -1");
  model.compact(0, {{{0, 4, 9}, {8}}});
  model.renumber();
  model.append(0, 2, 3);
  model.advance(2);
  refused(2, "to 2; expected 3 (entries before were renumbered) to 5");
  model.truncate(3);
  CHECK(model.same());
}

TEST_CASE("a question's room is used again, a pass over the text is given back") {
  CacheModel model = of_length({1, 4, 64, DType::Float32}, 1000);
  model.append(0, 20, 1000);
  model.advance(20);
  const int64_t with_question = model.cache().bytes_allocated();
  const void* keys = model.cache().head(0, 3).keys;
  model.truncate(1000);
  model.append(0, 20, 1000);
  model.advance(20);
  CHECK(model.cache().bytes_allocated() == with_question);
  CHECK(model.cache().head(0, 3).keys == keys);
  model.append(0, 1000, 1020);
  model.advance(1000);
  model.truncate(1000);
  CHECK(model.cache().bytes_allocated() <= 1.05 * static_cast<double>(model.bytes_kept()));
  CHECK(model.same());
}

TEST_CASE("a copy that finds no memory is an error and leaves the original whole") {
  CacheModel model = of_length({4, 2, 64, DType::Float32}, 8192);  // 4 x 8 MB
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_DATA, &before) == 0);
  const rlimit tight{1, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_DATA, &tight) == 0);
  std::string message;
  try {
    model.cache().clone();
  } catch (const kvhost::Error& error) {
    message = error.what();
  }
  REQUIRE(setrlimit(RLIMIT_DATA, &before) == 0);
  CHECK_THAT(message, Catch::Contains("refused") && Catch::Contains("MB"));
  CHECK(model.same());
  CHECK(model.clone().same());
}

TEST_CASE("an append that finds no memory for values takes its keys back") {
  CacheModel model = of_length({1, 2, 64, DType::Float32}, 8192);
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_DATA, &before) == 0);
  // Bytes more at a time, until the keys fit and the values do not, and then both.
  bool keys_grew = false, done = false;
  for (int64_t more = 0; !done; more += 200'000) {
    const int64_t allocated = model.cache().bytes_allocated();
    std::ifstream statm("/proc/self/statm");
    int64_t field = 0;
    for (int i = 0; i < 6; ++i) statm >> field;  // the sixth: data + stack, in pages
    const rlimit limit{static_cast<rlim_t>(field * sysconf(_SC_PAGESIZE) + more), before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_DATA, &limit) == 0);
    bool failed = false;
    try {
      model.cache().append(0, 1000, 8192);
    } catch (const kvhost::Error&) {
      failed = true;
    }
    REQUIRE(setrlimit(RLIMIT_DATA, &before) == 0);
    done = !failed;
    if (failed) {
      keys_grew = keys_grew || model.cache().bytes_allocated() > allocated;
      REQUIRE(model.same());
    }
  }
  CHECK(keys_grew);
}

TEST_CASE("a layer is made again from its shape, and a shape at fault is refused") {
  KvCache cache({1, 2, 8, DType::Float16});
  const LayerRows rows = {{3, 2}, {2, 0}, {{0, 5, 7, -1}, {1, 2, 3, 4}}, {1, 2}};
  const kvhost::LayerMemory memory = cache.restore(0, rows);
  const int32_t positions[] = {4, 5, 6, 1, 9};
  std::memcpy(memory.positions, positions, sizeof(positions));
  std::memset(memory.pruned_keys, 1, 2 * 4 * 2);
  for (int i = 0; i < 3; ++i) memory.biases[i] = static_cast<float>(i);
  cache.restore_seen(10, 0, 7);
  CHECK(cache.n_seen() == 10);
  CHECK(cache.n_first() == 7);
  CHECK(cache.clone().n_first() == 7);
  CHECK(cache.head(0, 1).positions[1] == 9);
  CHECK(cache.head(0, 0).pruned.channels[2] == 7);
  CHECK(static_cast<const uint8_t*>(cache.head(0, 0).pruned.rows)[15] == 1);
  CHECK(cache.rows(0).lengths == rows.lengths);
  CHECK(cache.rows(0).channels == rows.channels);
  CHECK(cache.rows(0).biased == rows.biased);
  CHECK(cache.head(0, 1).bias.rows[1] == 2);

  const auto refused = [&](const LayerRows& wrong, const char* text) {
    KvCache empty({1, 2, 8, DType::Float16});
    CHECK_THROWS_WITH(empty.restore(0, wrong), Catch::Contains(text));
    CHECK(empty.bytes_allocated() == 0);
  };
  CHECK_THROWS_WITH(cache.restore(0, rows), Catch::Contains("holds 5 entries"));
  refused({{1}, {}, {}}, "layer 0: 1 heads; expected 2");
  refused({{1, -1}, {}, {}}, "head 1: -1 entries; expected 0 to 2147483647");
  refused({{1, int64_t{1} << 31}, {}, {}}, "head 1: 2147483648 entries");
  refused({{1, 1}, {1}, {{0, 1}}}, "1 heads with pruned keys");
  refused({{1, 1}, {1, 1}, {}}, "channels of 0");
  refused({{1, 1}, {}, {}, {1}}, "1 heads with biases; expected 2 or none");
  refused({{1, 1}, {}, {}, {1, 2}}, "head 1: 2 entries with a bias; expected 0 to 1");
  refused({{1, 1}, {1, 2}, {{0, 1}, {0, 1}}},
          "head 1: 2 entries with pruned keys; expected 0 to 1");
  refused({{1, 1}, {1, 1}, {{0, 1, 2}, {0, 1, 2}}}, "head 0: 3 channels; expected an even number");
  refused({{1, 1}, {1, 1}, {{0, 1}, {0, 1, 2, 3}}}, "head 1: 4 channels");
  refused({{1, 1}, {1, 1}, {{0, 1}, {0, 8}}}, "head 1: channel 8 after 0");
  refused({{1, 1}, {1, 1}, {{0, 1}, {-1, 3}}}, "head 1: channel -1 after -1");
  refused({{1, 1}, {1, 1}, {{0, -1}, {3, 3}}}, "head 1: channel 3 after 3");
}
