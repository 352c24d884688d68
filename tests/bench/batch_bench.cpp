// SPDX-License-Identifier: Apache-2.0
// Sequences that read together beside the same ones after each other: tokens per second of both.
//   batch_bench MODEL_FOLDER [SEQUENCES] [PROMPT_TOKENS] [STEPS] [DTYPE]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/batch.hpp"
#include "engine/engine.hpp"

using namespace kvhost;

namespace {

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<int32_t> ids(int64_t n, int64_t vocab_size, int64_t seed) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < n; ++i)
    tokens.push_back(static_cast<int32_t>((i * 7919 + seed * 104729 + 3) % vocab_size));
  return tokens;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2)
    throw std::runtime_error(
        "usage: batch_bench MODEL_FOLDER [SEQUENCES] [PROMPT] [STEPS] [DTYPE]");
  const int64_t n = argc > 2 ? std::atoll(argv[2]) : 8;
  const int64_t prompt = argc > 3 ? std::atoll(argv[3]) : 512;
  const int64_t steps = argc > 4 ? std::atoll(argv[4]) : 32;
  const Engine engine;
  ModelOptions options;
  options.folder = argv[1];
  options.needs_tokenizer = false;
  if (argc > 5)
    options.dtype = std::string(argv[5]) == "bfloat16" ? DType::BFloat16 : DType::Float32;
  const Model model = engine.open(options);
  model.load();
  const std::vector<std::string> presses = {"none", "knorm", "adakv:snapkv", "rankkv:adakv:snapkv"};
  std::vector<Sequence> together, alone;
  for (int64_t i = 0; i < n; ++i) {
    PolicyOptions policy;
    policy.press = {PressSource::Form::Text, presses[i % presses.size()], "--press", ""};
    Sequence first(model, engine.policy(model, policy));
    first.prefill(ids(prompt + 16 * i, model.vocab_size(), i));
    alone.push_back(first.fork());
    together.push_back(std::move(first));
  }
  double batched = 0, single = 0;
  for (int64_t step = 0; step < steps; ++step) {  // alternately, so that the machine's moods cancel
    batched += seconds([&] {
      Batch batch(model);
      for (int64_t i = 0; i < n; ++i) batch.add(together[i], ids(1, model.vocab_size(), step + i));
      batch.run();
    });
    single += seconds([&] {
      for (int64_t i = 0; i < n; ++i) alone[i].append(ids(1, model.vocab_size(), step + i));
    });
  }
  const double tokens = static_cast<double>(n * steps);
  std::printf(
      "%lld sequences of %lld tokens and more, %lld steps: together %.1f tokens/s, one after "
      "the other %.1f, ratio %.2f\n",
      static_cast<long long>(n),
      static_cast<long long>(prompt),
      static_cast<long long>(steps),
      tokens / batched,
      tokens / single,
      single / batched);
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
