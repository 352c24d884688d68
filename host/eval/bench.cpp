// SPDX-License-Identifier: Apache-2.0
#include "eval/bench.hpp"

#include <algorithm>
#include <chrono>

#include "base/error.hpp"
#include "measure/stopwatch.hpp"
#include "tasks/statistics.hpp"

namespace kvhost::eval {

namespace {

using Clock = std::chrono::steady_clock;

// The full cache's own continuation; the end of a text does not end it.
std::vector<int32_t> continuation(const Model& model, const BenchRequest& request) {
  Sequence sequence(model, request.arms.front().policy);
  sequence.prefill(request.prompt);
  std::vector<int32_t> out;
  for (int64_t i = 0; i < request.n_new; ++i) out.push_back(sequence.next());
  return out;
}

BenchSample measure(const Model& model,
                    const Policy& policy,
                    const BenchRequest& request,
                    const std::vector<int32_t>& next,
                    const Sequence::Progress& progress) {
  SequenceOptions options;
  options.method_seed = request.seed;
  BenchSample out;
  Sequence sequence(model, policy, options);
  const auto start = Clock::now();
  sequence.prefill(request.prompt, progress);
  sequence.logits();
  out.first_token_ms = ms_since(start);
  const auto stepping = Clock::now();
  sequence.force(next, [](size_t, std::span<const float>) {}, /*block=*/1);
  sequence.logits();
  out.token_ms = ms_since(stepping) / static_cast<double>(next.size());
  const Timings& times = sequence.timings();
  out.prefill_ms = times.prefill_ms;
  out.score_ms = times.score_ms;
  out.allocate_ms = times.allocate_ms;
  out.select_ms = times.select_ms;
  out.compact_ms = times.compact_ms;
  const MemoryUse memory = sequence.memory();
  out.bytes_full = memory.cache_bytes_full;
  out.bytes_kept = memory.cache_bytes_kept;
  out.bytes_peak = memory.cache_bytes_peak;
  out.bytes_end = sequence.bytes_kept();
  return out;
}

Spread spread(const std::vector<double>& values) {
  return {tasks::median(values),
          *std::min_element(values.begin(), values.end()),
          *std::max_element(values.begin(), values.end())};
}

}  // namespace

BenchSamples run_bench(const Model& model,
                       const BenchRequest& request,
                       const std::function<void(const std::string&, double)>& progress) {
  const std::vector<int32_t> next = continuation(model, request);
  const size_t n_arms = request.arms.size();
  const auto n_all =
      static_cast<double>((request.n_warmup + request.n_rounds) * static_cast<int64_t>(n_arms));
  BenchSamples out(n_arms);
  double n_done = 0;
  for (int64_t round = -request.n_warmup; round < request.n_rounds; ++round)
    for (size_t i = 0; i < n_arms; ++i) {
      // Every other round backwards: what one leaves behind meets another next time.
      const size_t arm = round % 2 == 0 ? i : n_arms - 1 - i;
      const auto& one = request.arms[arm];
      const BenchSample sample = measure(model, one.policy, request, next, [&](double share) {
        if (progress) progress(one.name, (n_done + share) / n_all);
      });
      ++n_done;
      if (round >= 0) out[arm].push_back(sample);
    }
  return out;
}

Spread spread_of(const std::vector<BenchSample>& samples, double BenchSample::* figure) {
  std::vector<double> values;
  for (const auto& sample : samples) values.push_back(sample.*figure);
  return spread(values);
}

Spread speed_up(const std::vector<BenchSample>& ours,
                const std::vector<BenchSample>& other,
                double BenchSample::* figure) {
  if (ours.size() < kFewestRounds || other.size() != ours.size())
    bad_request("--rounds",
                "a speed-up of " + std::to_string(ours.size()) +
                    " rounds cannot be told from chance; expected at least " +
                    std::to_string(kFewestRounds));
  std::vector<double> values;
  for (size_t i = 0; i < ours.size(); ++i) values.push_back(other[i].*figure / (ours[i].*figure));
  return spread(values);
}

}  // namespace kvhost::eval
