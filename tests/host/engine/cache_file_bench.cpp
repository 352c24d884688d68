// SPDX-License-Identifier: Apache-2.0
// How long a large cache takes to copy, save and load.
//   cache_file_bench FILE [n_tokens [n_layers n_kv_heads head_dim]]     FILE is written, and stays
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "base/sha256.hpp"
#include "base/xxh64.hpp"
#include "engine/cache_file.hpp"
#include "measure/stopwatch.hpp"

using namespace kvhost;

namespace {

KvCache filled(const CacheLayout& layout, int64_t n) {
  KvCache cache(layout);
  const auto bytes = static_cast<size_t>(n * layout.bytes_per_entry() / 2);
  std::mt19937_64 rng(1);
  for (int64_t l = 0; l < layout.n_layers; ++l) {
    cache.append(l, n, 0);
    for (int64_t h = 0; h < layout.n_kv_heads; ++h)
      for (void* rows : {cache.head(l, h).keys, cache.head(l, h).values})
        std::generate_n(static_cast<uint64_t*>(rows), bytes / 8, std::ref(rng));
  }
  cache.advance(n);
  return cache;
}

// The best of five.
template <typename F>
double best_ms(F&& work) {
  double best = 1e300;
  for (int i = 0; i < 5; ++i) {
    double ms = 0;
    {
      const Stopwatch watch(ms);
      work();
    }
    best = std::min(best, ms);
  }
  return best;
}

void report(const char* what, double ms, double bytes) {
  std::printf("%-34s %8.1f ms  %6.2f GB/s\n", what, ms, bytes / ms / 1e6);
}

void measure(const std::string& file, const CacheLayout& layout, int64_t n) {
  const KvCache cache = filled(layout, n);
  const std::vector<float> logits(150'000);
  const std::vector<int32_t> tokens(static_cast<size_t>(n));
  const auto bytes = static_cast<double>(cache.bytes_kept());
  std::printf("%ld tokens x %ld layers x %ld KV heads x %ld, bfloat16: %.0f MB, %d threads\n",
              static_cast<long>(n),
              static_cast<long>(layout.n_layers),
              static_cast<long>(layout.n_kv_heads),
              static_cast<long>(layout.head_dim),
              bytes / 1e6,
              num_threads());
  report("clone", best_ms([&] { cache.clone(); }), bytes);
  report("save", best_ms([&] { save_cache(file, cache, logits, tokens, {}); }), bytes);
  report("load", best_ms([&] { load_cache(file); }), bytes);
  std::vector<char> block(1 << 18);
  const double read_ms = best_ms([&] {  // the file alone, from the system's memory
    std::ifstream in(file, std::ios::binary);
    while (in.read(block.data(), static_cast<std::streamsize>(block.size()))) {
    }
  });
  report("of it: reading the file, 1 thread", read_ms, bytes);
  const std::vector<char> part(static_cast<size_t>(bytes) / 16, 'x');
  const auto part_bytes = static_cast<double>(part.size());
  report("SHA-256 of a 16th, 1 thread",
         best_ms([&] { sha256_hex(part.data(), part.size()); }),
         part_bytes);
  volatile uint64_t seen = 0;
  report("XXH64 of a 16th, 1 thread",
         best_ms([&] {
           Xxh64 hash;
           hash.update(part.data(), part.size());
           seen = hash.value();
         }),
         part_bytes);
  report("metadata", best_ms([&] { read_cache_metadata(file); }), 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "cache_file_bench FILE [n_tokens [n_layers n_kv_heads head_dim]]\n");
    return 2;
  }
  const auto number = [&](int i, int64_t otherwise) {
    return i < argc ? std::atoll(argv[i]) : otherwise;
  };
  try {
    measure(
        argv[1], {number(3, 28), number(4, 8), number(5, 128), DType::BFloat16}, number(2, 4096));
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
