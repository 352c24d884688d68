// SPDX-License-Identifier: Apache-2.0
// How near attention, window scores, compaction and selection come to the speed of memory, per
// level. Rounds of all cases are interleaved and the best of each is printed, so that a busy
// machine moves all figures alike.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "base/parallel.hpp"
#include "cache/kv_cache.hpp"
#include "kernels/attention.hpp"
#include "kernels/cpu_level.hpp"
#include "kernels/narrow.hpp"
#include "kernels/select.hpp"

namespace {

using namespace kvhost;

constexpr int kRounds = 7;

template <class F>
double seconds(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A cache whose layers hold heads of the given lengths, filled with noise.
KvCache make_cache(const CacheLayout& layout, const std::vector<int64_t>& lengths) {
  KvCache cache(layout);
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  std::mt19937 rng(1);
  std::normal_distribution<float> normal;
  std::vector<float> noise(static_cast<size_t>(longest * layout.head_dim));
  for (float& x : noise) x = normal(rng);
  KeepPlan plan;
  for (const int64_t n : lengths) {
    plan.heads.emplace_back(static_cast<size_t>(n));
    std::iota(plan.heads.back().begin(), plan.heads.back().end(), 0);
  }
  for (int64_t layer = 0; layer < layout.n_layers; ++layer) {
    cache.append(layer, longest, 0);
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
      const HeadSpan head = cache.head(layer, h);
      narrow(noise.data(), head.n * layout.head_dim, layout.dtype, head.keys);
      narrow(noise.data(), head.n * layout.head_dim, layout.dtype, head.values);
    }
    cache.compact(layer, plan);
  }
  cache.advance(longest);
  return cache;
}

std::vector<HeadSpan> heads_of(const KvCache& cache, int64_t layer) {
  std::vector<HeadSpan> heads;
  for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) heads.push_back(cache.head(layer, h));
  return heads;
}

AttentionShape shape_of(const KvCache& cache, int64_t group, int64_t q_len) {
  AttentionShape s;
  s.n_kv_heads = cache.layout().n_kv_heads;
  s.n_heads = group * s.n_kv_heads;
  s.head_dim = cache.layout().head_dim;
  s.q_len = q_len;
  s.dtype = cache.layout().dtype;
  s.scale = 1 / std::sqrt(static_cast<float>(s.head_dim));
  return s;
}

std::vector<std::byte> queries_for(const AttentionShape& s) {
  const int64_t n = s.n_heads * s.q_len * s.head_dim;
  std::vector<float> values(static_cast<size_t>(n), 0.1f);
  std::vector<std::byte> rows(static_cast<size_t>(n * element_size(s.dtype)));
  narrow(values.data(), n, s.dtype, rows.data());
  return rows;
}

double attend_all(const KvCache& cache, int64_t group, int64_t q_len) {
  const AttentionShape s = shape_of(cache, group, q_len);
  const std::vector<std::byte> queries = queries_for(s);
  std::vector<std::byte> out(queries.size());
  return seconds([&] {
    for (int64_t layer = 0; layer < cache.layout().n_layers; ++layer) {
      const std::vector<HeadSpan> heads = heads_of(cache, layer);
      ragged_attention(s, heads.data(), queries.data(), cache.n_seen(), out.data());
    }
  });
}

// Reads every K and V byte of the cache on all threads.
double read_all(const KvCache& cache) {
  volatile uint64_t sink = 0;
  return seconds([&] {
    for (int64_t layer = 0; layer < cache.layout().n_layers; ++layer) {
      const std::vector<HeadSpan> heads = heads_of(cache, layer);
      const auto n_heads = static_cast<int64_t>(heads.size());
      parallel_for(4 * n_heads, 1, [&](int64_t begin, int64_t end) {
        uint64_t sum = 0;
        for (int64_t i = begin; i < end; ++i) {
          const HeadSpan& head = heads[static_cast<size_t>(i / 4)];
          const int64_t words = head.n * cache.layout().bytes_per_entry() / 2 / 8 / 2;
          const auto* word = static_cast<const uint64_t*>(i % 2 == 0 ? head.keys : head.values) +
                             i / 2 % 2 * words;
          for (int64_t w = 0; w < words; ++w) sum += word[w];
        }
        sink = sink + sum;
      });
    }
  });
}

struct Best {
  double time = 1e9;
  void operator()(double t) { time = std::min(time, t); }
};

// Lengths between n_kept / 4 and 4 * n_kept, with the mean n_kept.
std::vector<int64_t> ragged_lengths(int64_t n_heads, int64_t n_kept) {
  std::vector<int64_t> lengths;
  int64_t total = n_heads * n_kept;
  for (int64_t h = 0; h < n_heads; ++h) {
    const double share =
        std::pow(16.0, static_cast<double>((h * 5) % n_heads) / static_cast<double>(n_heads - 1));
    lengths.push_back(static_cast<int64_t>(473 * share));
  }
  const int64_t sum = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  for (int64_t& n : lengths) n = n * total / sum;
  lengths[0] += total - std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  return lengths;
}

void decode_case(
    DType dtype, int64_t n_kv_heads, int64_t group, int64_t head_dim = 128, int64_t n = 2048) {
  const int64_t layer_bytes = n_kv_heads * n * 2 * head_dim * element_size(dtype);
  const CacheLayout layout{(400 << 20) / layer_bytes, n_kv_heads, head_dim, dtype};
  const std::vector<int64_t> even(static_cast<size_t>(n_kv_heads), n);
  const KvCache uniform = make_cache(layout, even);
  const KvCache ragged = make_cache(layout, ragged_lengths(n_kv_heads, n));
  Best read, one, other;
  for (int round = 0; round < kRounds; ++round) {
    read(read_all(uniform));
    one(attend_all(uniform, group, 1));
    other(attend_all(ragged, group, 1));
  }
  const double gb = static_cast<double>(uniform.bytes_kept()) / 1e9;
  std::printf(
      "  decode %-8s %2ld kv heads x%ld of %3ld  read %5.1f  uniform %5.1f (%3.0f %%)  ragged %5.1f GB/s"
      " (%.3f x the time)\n",
      dtype_name(dtype),
      n_kv_heads,
      group,
      head_dim,
      gb / read.time,
      gb / one.time,
      100 * read.time / one.time,
      gb / other.time,
      other.time / one.time);
}

void window_case(DType dtype, int64_t n_kv_heads, int64_t group) {
  const KvCache cache =
      make_cache({4, n_kv_heads, 128, dtype}, std::vector<int64_t>(n_kv_heads, 4096));
  const AttentionShape s = shape_of(cache, group, 64);
  const std::vector<std::byte> queries = queries_for(s);
  std::vector<float> rows(static_cast<size_t>(s.n_heads * 64 * 4096));
  std::vector<float*> out;
  for (int64_t h = 0; h < n_kv_heads; ++h) out.push_back(rows.data() + h * group * 64 * 4096);
  Best window, block;
  for (int round = 0; round < kRounds; ++round) {
    window(seconds([&] {
      for (int64_t layer = 0; layer < 4; ++layer) {
        window_attention(
            s, heads_of(cache, layer).data(), queries.data(), cache.n_seen(), out.data());
      }
    }));
    block(attend_all(cache, group, 64));
  }
  const double gflop = 4 * 2e-9 * static_cast<double>(s.n_heads) * 64 * 4096 * 128;
  std::printf(
      "  64 queries x 4096 %-8s %2ld kv heads x%ld  window %.1f ms for 28 layers (%.0f GFLOP/s)"
      "  attention %.0f GFLOP/s\n",
      dtype_name(dtype),
      n_kv_heads,
      group,
      7e3 * window.time,
      gflop / window.time,
      2 * gflop / block.time);
}

void compact_case() {
  const CacheLayout layout{1, 8, 128, DType::BFloat16};
  const int64_t n = 32768;
  std::mt19937 rng(2);
  KeepPlan plan;
  std::vector<float> scores(static_cast<size_t>(n));
  for (int64_t h = 0; h < 8; ++h) {
    for (float& score : scores) score = static_cast<float>(rng());
    plan.heads.push_back(select_top(scores.data(), nullptr, n, n / 4));
  }
  Best compact, copy;
  for (int round = 0; round < kRounds; ++round) {
    KvCache cache = make_cache(layout, std::vector<int64_t>(8, n));
    compact(seconds([&] { cache.compact(0, plan); }));
    std::vector<char> from(static_cast<size_t>(cache.bytes_kept()), 1), to(from.size(), 2);
    const auto half = static_cast<int64_t>(from.size() / 2);
    copy(seconds([&] {
      parallel_for(2, 1, [&](int64_t begin, int64_t end) {
        std::memcpy(to.data() + begin * half,
                    from.data() + begin * half,
                    static_cast<size_t>((end - begin) * half));
      });
    }));
  }
  const double gb = static_cast<double>(8 * (n / 4) * layout.bytes_per_entry()) / 1e9;
  std::printf("compact %.0f MB of %.0f: %.1f ms, %.1f GB/s kept; plain copy of as much %.1f GB/s\n",
              gb * 1e3,
              4 * gb * 1e3,
              1e3 * compact.time,
              gb / compact.time,
              gb / copy.time);
}

void select_case() {
  std::mt19937 rng(3);
  std::normal_distribution<float> normal;
  for (const int64_t n : {4096, 32768}) {
    std::vector<float> scores(static_cast<size_t>(64 * n));
    for (float& score : scores) score = normal(rng);
    Best select;
    for (int round = 0; round < kRounds; ++round) {
      select(seconds([&] {
        for (int64_t row = 0; row < 64; ++row)
          select_top(scores.data() + row * n, nullptr, n, n / 4);
      }));
    }
    std::printf("select %ld of %ld: %.1f us\n", n / 4, n, 1e6 * select.time / 64);
  }
}

void run_level() {
  std::printf("%s, %d threads\n", cpu_level(), num_threads());
  decode_case(DType::Float32, 16, 1);
  decode_case(DType::BFloat16, 16, 1);
  decode_case(DType::BFloat16, 8, 4);
  decode_case(DType::Float16, 8, 2);
  decode_case(DType::BFloat16, 8, 2, 128, 4096);  // Qwen3-0.6B
  decode_case(DType::BFloat16, 3, 3, 64, 8064);   // SmolLM2-135M
  window_case(DType::Float32, 16, 1);
  window_case(DType::BFloat16, 16, 1);
  window_case(DType::BFloat16, 8, 2);
}

}  // namespace

int main(int argc, char** argv) {
  for (const CpuLevel level : available_levels()) {
    if (argc > 1 && std::strcmp(argv[1], level_name(level)) != 0) continue;
    std::fflush(stdout);
    if (const pid_t child = fork(); child == 0) {  // the level is fixed once per process
      setenv("KVHOST_CPU", level_name(level), 1);
      run_level();
      std::fflush(stdout);
      _exit(0);
    } else {
      waitpid(child, nullptr, 0);
    }
  }
  compact_case();
  select_case();
  return 0;
}
