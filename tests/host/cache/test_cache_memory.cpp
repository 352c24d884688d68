// SPDX-License-Identifier: Apache-2.0
// What the cache holds from the system: bounds, peak, resident memory, refusal.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <string>

#include "base/error.hpp"
#include "cache/kv_cache.hpp"

namespace {

using kvhost::CacheLayout;
using kvhost::DType;
using kvhost::KeepPlan;
using kvhost::KvCache;

int64_t resident_bytes() {
  int64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// Of this process; 0 where the system has no large pages.
int64_t large_page_bytes() {
  std::ifstream smaps("/proc/self/smaps_rollup");
  for (std::string line; std::getline(smaps, line);)
    if (line.starts_with("AnonHugePages:")) return 1024 * std::stoll(line.substr(14));
  return 0;
}

KeepPlan every(int64_t n_heads, int64_t n, int64_t stride) {
  KeepPlan plan;
  for (int64_t h = 0; h < n_heads; ++h) {
    plan.heads.emplace_back();
    for (int64_t i = h % stride; i < n; i += stride) {
      plan.heads.back().push_back(static_cast<int32_t>(i));
    }
  }
  return plan;
}

void fill(KvCache& cache, int64_t layer, int64_t n) {
  const CacheLayout& layout = cache.layout();
  cache.append(layer, n, 0);
  const auto bytes = static_cast<size_t>(n * layout.bytes_per_entry() / 2);
  for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
    std::memset(cache.head(layer, h).keys, 1, bytes);
    std::memset(cache.head(layer, h).values, 2, bytes);
  }
}

}  // namespace

TEST_CASE("after compaction the cache holds at most 1.05 of what is kept") {
  for (const DType dtype : {DType::BFloat16, DType::Float32}) {
    KvCache cache({28, 8, 64, dtype});
    const int64_t n = dtype == DType::Float32 ? 587 : 1175;
    for (int64_t layer = 0; layer < 28; ++layer) {
      fill(cache, layer, n);
      cache.compact(layer, every(8, n, 8));
    }
    INFO(kvhost::dtype_name(dtype)
         << ": kept " << cache.bytes_kept() << ", allocated " << cache.bytes_allocated());
    CHECK(cache.bytes_kept() > 8'000'000);
    CHECK(cache.bytes_kept() < 9'000'000);
    CHECK(cache.bytes_allocated() <= 1.05 * static_cast<double>(cache.bytes_kept()));
  }
}

TEST_CASE("decoding after compaction adds a block per head, not a copy") {
  KvCache cache({4, 8, 64, DType::Float32});
  for (int64_t layer = 0; layer < 4; ++layer) {
    fill(cache, layer, 4096);
    cache.compact(layer, every(8, 4096, 4));
  }
  for (int64_t position = 4096; position < 4296; ++position) {
    for (int64_t layer = 0; layer < 4; ++layer) {
      cache.append(layer, 1, position);
    }
    REQUIRE(cache.bytes_allocated() <= 1.12 * static_cast<double>(cache.bytes_kept()));
  }
}

TEST_CASE("the peak is the full layer plus what earlier layers kept") {
  KvCache cache({4, 2, 64, DType::Float32});
  for (int64_t layer = 0; layer < 4; ++layer) {
    fill(cache, layer, 4096);
    cache.compact(layer, every(2, 4096, 4));
  }
  const int64_t full_layer = 2 * 4096 * cache.layout().bytes_per_entry();
  const double expected = 1.75 * static_cast<double>(full_layer);  // one full, three quarters kept
  CHECK(static_cast<double>(cache.bytes_peak()) == Approx(expected).epsilon(0.02));
  cache.reset_peak();
  CHECK(cache.bytes_peak() == cache.bytes_allocated());
}

TEST_CASE("memory really goes back to the system") {
  KvCache cache({1, 8, 128, DType::Float32});
  const int64_t before = resident_bytes();
  fill(cache, 0, 8192);  // 64 MB
  const int64_t full = resident_bytes();
  cache.compact(0, every(8, 8192, 8));
  const int64_t kept = resident_bytes();
  CHECK(full - before > 60'000'000);
  CHECK(kept - before < 12'000'000);
  cache.clear();
  CHECK(resident_bytes() - before < 4'000'000);
}

TEST_CASE("keeping everything moves nothing") {
  KvCache cache({1, 4, 64, DType::BFloat16});
  fill(cache, 0, 1000);
  const void* keys = cache.head(0, 3).keys;
  const int64_t allocated = cache.bytes_allocated();
  cache.compact(0, every(4, 1000, 1));
  CHECK(cache.head(0, 3).keys == keys);
  CHECK(cache.bytes_allocated() == allocated);
}

TEST_CASE("memory that the system refuses is an error with sizes and leaves the cache whole") {
  KvCache cache({1, 2, 64, DType::Float32});
  fill(cache, 0, 100);
  const int64_t allocated = cache.bytes_allocated();
  try {
    cache.append(0, int64_t{1} << 40, 100);
    FAIL("expected an error");
  } catch (const kvhost::Error& error) {
    CHECK(error.code() == kvhost::ExitCode::RunFailed);
    CHECK_THAT(error.what(), Catch::Contains("TB") && Catch::Contains("refused"));
  }
  CHECK(cache.bytes_allocated() == allocated);
  CHECK(cache.n_kept(0, 0) == 100);
}

TEST_CASE("what lies before a window is given back after the prefill") {
  KvCache cache({1, 4, 64, DType::Float32});
  fill(cache, 0, 4096);
  cache.drop_before(0, 3584);
  CHECK(cache.n_kept(0, 3) == 512);
  CHECK(cache.bytes_allocated() <= 1.05 * static_cast<double>(cache.bytes_kept()));
}

TEST_CASE("large pages stay large while a cache grows token by token") {
  KvCache cache({4, 8, 64, DType::Float32});
  constexpr int64_t kTokens = 4000;  // 8 MB of keys in a layer
  const int64_t before = large_page_bytes();
  for (int64_t layer = 0; layer < 4; ++layer) fill(cache, layer, kTokens);
  cache.advance(kTokens);
  const int64_t filled = large_page_bytes() - before;
  for (int64_t i = 0; i < 500; ++i) {
    for (int64_t layer = 0; layer < 4; ++layer) cache.append(layer, 1, kTokens + i);
    cache.advance(1);
  }
  INFO("large pages of " << filled << " bytes, " << large_page_bytes() - before << " after it grew");
  CHECK(large_page_bytes() - before >= filled - filled / 10);
  CHECK(cache.head(3, 7).n == kTokens + 500);
  CHECK(static_cast<const unsigned char*>(cache.head(3, 7).keys)[0] == 1);
}
