// SPDX-License-Identifier: Apache-2.0
// Speed of the fast decoder at the dimensions of Qwen3-0.6B, with random weights:
// decoder_bench [--prompt 4096] [--new 32] [--threads 2] [--dtype bfloat16] [--layers 28]
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <stdexcept>
#include <string>

#include "base/parallel.hpp"
#include "decoder_fixture.hpp"
#include "kernels/attention.hpp"

using namespace kvhost;

namespace {

double now_ms() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double, std::milli>(Clock::now().time_since_epoch()).count();
}

ModelConfig qwen3_06b(int64_t n_layers) {
  ModelConfig config;
  config.family = "qwen3";
  config.n_layers = n_layers;
  config.n_heads = 16;
  config.n_kv_heads = 8;
  config.head_dim = 128;
  config.hidden_size = 1024;
  config.intermediate_size = 3072;
  config.vocab_size = 151936;
  config.max_positions = 40960;
  config.norm_eps = 1e-6;
  config.qk_norm = QkNorm::Heads;
  config.tied_embeddings = true;
  config.rope.rotary_dim = 128;
  config.rope.theta = 1e6;
  for (int i = 0; i < 128; i += 2)
    config.rope.inv_freq.push_back(1 / std::pow(1e6F, static_cast<float>(i) / 128));
  config.sliding_window.assign(static_cast<size_t>(n_layers), 0);
  return config;
}

DType parse_dtype(const std::string& name) {
  for (const DType dtype : {DType::Float32, DType::BFloat16, DType::Float16})
    if (name == dtype_name(dtype)) return dtype;
  throw std::invalid_argument("--dtype: expected float32, bfloat16 or float16");
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> flags = {{"--prompt", "4096"},
                                              {"--new", "32"},
                                              {"--threads", "2"},
                                              {"--dtype", "bfloat16"},
                                              {"--layers", "28"}};
  for (int i = 1; i + 1 < argc; i += 2) flags.at(argv[i]) = argv[i + 1];
  set_num_threads(std::stoi(flags["--threads"]));
  const DType dtype = parse_dtype(flags["--dtype"]);
  const auto weights = Weights::random(qwen3_06b(std::stoi(flags["--layers"])), dtype, 1);
  const Decoder decoder(weights);
  KvCache cache(decoder.cache_layout());

  const auto prompt = test::some_tokens(std::stoi(flags["--prompt"]), 151936);
  const std::clock_t cpu_start = std::clock();
  double start = now_ms();
  int32_t next = test::most_likely(decoder.forward(prompt, cache));
  const double prefill_ms = now_ms() - start;
  const double cpu_ms = 1e3 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;

  double best = 1e30;
  const int n_new = std::stoi(flags["--new"]);
  start = now_ms();
  for (int i = 0; i < n_new; ++i) {
    const double before = now_ms();
    next = test::most_likely(decoder.forward(std::span(&next, 1), cache));
    best = std::min(best, now_ms() - before);
  }
  std::printf(
      "qwen3-0.6b dims, %s, cpu %s, %d threads, seq_len %zu: prefill_ms %.0f (processor %.0f), "
      "decode mean %.1f ms/token, best %.1f, kv_bytes %lld\n",
      dtype_name(dtype),
      cpu_level(),
      num_threads(),
      prompt.size(),
      prefill_ms,
      cpu_ms,
      (now_ms() - start) / n_new,
      best,
      static_cast<long long>(cache.bytes_kept()));
}
