// SPDX-License-Identifier: Apache-2.0
// Speed of the row products of every quantised type against the memory's read bandwidth.
//   quant_bench [threads] [type] [inputs of a row, 2048] [rows, 131072: more than caches hold]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/parallel.hpp"
#include "kernels/attention.hpp"
#include "kernels/quant/dequantize.hpp"
#include "kernels/quant/quant_gemv.hpp"
#include "quant_cases.hpp"

namespace {

using namespace kvhost;

int64_t n_in = 2048, n_out = 131072;

double best_seconds(int tries, const std::function<void()>& run) {
  double best = 1e9;
  for (int i = 0; i < tries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

double read_bandwidth() {
  const std::vector<uint64_t> memory((256 << 20) / sizeof(uint64_t), 1);
  volatile uint64_t sink = 0;
  const double seconds = best_seconds(7, [&] {
    parallel_for(static_cast<int64_t>(memory.size()), 1, [&](int64_t begin, int64_t end) {
      uint64_t sum[8] = {};
      for (int64_t i = begin; i + 8 <= end; i += 8)
        for (int64_t k = 0; k < 8; ++k) sum[k] ^= memory[static_cast<size_t>(i + k)];
      for (const uint64_t part : sum) sink = sink + part;
    });
  });
  return static_cast<double>(memory.size() * sizeof(uint64_t)) / seconds / 1e9;
}

void measure(WeightType type) {
  const auto blocks = quant_cases::random_blocks(type, n_in * n_out, 1);
  const std::vector<float> x(static_cast<size_t>(16 * n_in), 0.5F);
  std::vector<float> out(static_cast<size_t>(16 * n_out));
  std::printf(
      "%-6s %5.1f MB", weight_type_info(type).name, static_cast<double>(blocks.size()) / 1e6);
  for (const int64_t n_rows : {1, 2, 4, 8, 16}) {
    const QuantMatrix matrix{type, blocks.data(), nullptr, out.data(), n_out};
    const GemvInput input{DType::Float32, x.data(), n_rows, n_in, false};
    const double seconds = best_seconds(5, [&] { quant_gemv(input, {&matrix, 1}); });
    std::printf("  %2d: %5.1f GB/s %6.2f ms",
                static_cast<int>(n_rows),
                static_cast<double>(blocks.size()) / seconds / 1e9,
                seconds * 1e3);
  }
  std::vector<float> numbers(static_cast<size_t>(n_in));
  const int64_t stored = row_bytes(type, n_in);
  const double seconds = best_seconds(3, [&] {
    for (int64_t r = 0; r < n_out; ++r)
      dequantize(type, blocks.data() + r * stored, n_in, numbers.data());
  });
  std::printf("  unpacked by one thread %4.2f e9/s\n",
              static_cast<double>(n_in * n_out) / seconds / 1e9);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) set_num_threads(std::atoi(argv[1]));
  if (argc > 3) n_in = std::atoll(argv[3]);
  if (argc > 4) n_out = std::atoll(argv[4]);
  std::printf("%s, %d threads, reading %.1f GB/s\n", cpu_level(), num_threads(), read_bandwidth());
  for (const auto& info : weight_types())
    if (!is_plain(info.type) && (argc < 3 || std::string(argv[2]) == info.name)) measure(info.type);
}
