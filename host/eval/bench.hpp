// SPDX-License-Identifier: Apache-2.0
// Times of compositions on one prompt: in rounds, each of which measures all of them in turn, so
// that what else the machine does meets them alike. All read the same tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/policy.hpp"
#include "engine/sequence.hpp"

namespace kvhost::eval {

struct BenchArm {
  std::string name;
  Policy policy;
};

struct BenchRequest {
  std::vector<BenchArm> arms;  // the full cache first
  std::vector<int32_t> prompt;
  int64_t n_new = 64;
  int64_t n_warmup = 1;  // rounds that are not counted
  int64_t n_rounds = 5;
  uint64_t seed = 0;
};

struct BenchSample {
  double first_token_ms = 0;  // from the prompt to the first token, compression included
  double token_ms = 0;        // each further one
  double prefill_ms = 0;
  double score_ms = 0, allocate_ms = 0, select_ms = 0, compact_ms = 0;  // in the prefill
  int64_t bytes_full = 0, bytes_kept = 0, bytes_peak = 0, bytes_end = 0;
};

// [arm][round]. What is read after the prompt is what the full cache chose, so that all arms do the
// same work. Throws Error.
using BenchSamples = std::vector<std::vector<BenchSample>>;
BenchSamples run_bench(const Model& model,
                       const BenchRequest& request,
                       const std::function<void(const std::string& arm, double share)>& progress);

// Of one figure over rounds.
struct Spread {
  double median = 0, low = 0, high = 0;
};
Spread spread_of(const std::vector<BenchSample>& samples, double BenchSample::* figure);

// `other` / `ours`, round by round: above 1 ours is faster. Fewer rounds say nothing of how far a
// ratio may be trusted: an Error.
constexpr size_t kFewestRounds = 3;
Spread speed_up(const std::vector<BenchSample>& ours,
                const std::vector<BenchSample>& other,
                double BenchSample::* figure);

}  // namespace kvhost::eval
