// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/sampler.hpp"

namespace {

using namespace kvhost;

constexpr size_t kVocabulary = 2000;  // several of the steps by which a ranking is sorted

std::vector<float> random_logits(float spread) {
  std::mt19937 draw(1);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> logits(kVocabulary);
  for (float& x : logits) x = normal(draw);
  return logits;
}

// Sorted outright: ids by falling logit, ties to the lower one.
std::vector<int32_t> ranking(const std::vector<float>& logits) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  });
  return order;
}

std::vector<double> softmax(const std::vector<float>& logits, double temperature) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> out;
  for (const float x : logits)
    out.push_back(std::exp((static_cast<double>(x) - largest) / temperature));
  const double sum = std::accumulate(out.begin(), out.end(), 0.0);
  for (double& p : out) p /= sum;
  return out;
}

// What the options leave of the distribution: p of each token, 0 where it is cut off.
std::vector<double> allowed(const std::vector<float>& logits, const SamplingOptions& options) {
  const std::vector<double> p = softmax(logits, options.temperature);
  const std::vector<int32_t> order = ranking(logits);
  size_t n = order.size();
  if (options.top_k > 0) n = std::min(n, static_cast<size_t>(options.top_k));
  double mass = 0;
  for (size_t i = 0; i < n; ++i) mass += p[static_cast<size_t>(order[i])];
  std::vector<double> out(p.size(), 0.0);
  double kept = 0;
  for (size_t i = 0; i < n && (i == 0 || kept < options.top_p * mass); ++i) {
    const auto id = static_cast<size_t>(order[i]);
    kept += p[id];
    out[id] = p[id];
  }
  for (double& each : out) each /= kept;
  return out;
}

// Draws many times: nothing that is cut off, and tokens of each tenth of the probability as often as they should.
void check_draws(const std::vector<float>& logits, const SamplingOptions& options) {
  CAPTURE(options.temperature, options.top_k, options.top_p);
  constexpr int kDraws = 2000, kTenths = 10;
  const std::vector<double> p = allowed(logits, options);
  std::vector<int> tenth_of(p.size());
  double below = 0;
  for (const int32_t id : ranking(logits)) {
    tenth_of[static_cast<size_t>(id)] = std::min(kTenths - 1, static_cast<int>(below * kTenths));
    below += p[static_cast<size_t>(id)];
  }
  double expected[kTenths] = {}, drawn[kTenths] = {};
  for (size_t id = 0; id < p.size(); ++id) expected[tenth_of[id]] += p[id] * kDraws;
  Sampler sampler(options);
  int cut_off = 0;
  for (int i = 0; i < kDraws; ++i) {
    const auto id = static_cast<size_t>(sampler.next(logits));
    cut_off += p[id] == 0;
    ++drawn[tenth_of[id]];
  }
  CHECK(cut_off == 0);
  for (int i = 0; i < kTenths; ++i)  // five standard deviations
    CHECK(std::abs(drawn[i] - expected[i]) <= 5 * std::sqrt(expected[i] + 1));
}

}  // namespace

TEST_CASE("without a temperature the likeliest token is taken, of equals the lower id") {
  std::vector<float> logits = random_logits(1);
  logits[1321] = logits[1234] = logits[1999] = 9;
  CHECK(Sampler({}).next(logits) == 1234);
  CHECK(Sampler({.temperature = 0.7, .top_k = 1}).next(logits) == 1234);
  CHECK(Sampler({.temperature = 0.7, .top_p = 1e-9}).next(logits) == 1234);
}

TEST_CASE("tokens are drawn by their probabilities, from what top-k and top-p leave") {
  for (const float spread :
       {1.0F, 4.0F}) {  // flat, so that a draw reads far down; and as models have it
    const auto logits = random_logits(spread);
    for (const int64_t top_k : {0, 3, 700, 3000})
      for (const double top_p : {1.0, 0.9, 0.3})
        check_draws(logits, {.temperature = 0.8, .top_p = top_p, .top_k = top_k, .seed = 5});
  }
}

TEST_CASE("what is ruled out is never drawn") {
  auto logits = random_logits(1);
  for (size_t id = 0; id < logits.size(); ++id)
    if (id % 3 != 1 || id > 1900) logits[id] = -std::numeric_limits<float>::infinity();
  for (const int64_t top_k : {0, 600})
    for (const double top_p : {1.0, 0.9})
      check_draws(logits, {.temperature = 1.3, .top_p = top_p, .top_k = top_k, .seed = 2});
}

TEST_CASE("a seed draws the same tokens again") {
  const auto logits = random_logits(2);
  const SamplingOptions options{.temperature = 1, .top_p = 0.95, .seed = 11};
  Sampler one(options), two(options);
  for (int i = 0; i < 50; ++i) CHECK(one.next(logits) == two.next(logits));
}

TEST_CASE("logits that choose nothing are refused, wherever they stand") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    for (const size_t at : {size_t{0}, size_t{17}, kVocabulary - 1}) {
      std::vector<float> logits = random_logits(1);
      logits[at] = bad;
      CHECK_THROWS_AS(Sampler({}).next(logits), Error);
    }
  const std::vector<float> none(100, -std::numeric_limits<float>::infinity());
  CHECK_THROWS_AS(Sampler({}).next(none), Error);
  std::vector<float> one = none;
  one[63] = -5;
  CHECK(Sampler({.temperature = 1}).next(one) == 63);
}
