// SPDX-License-Identifier: Apache-2.0
#include "runtime/agreement.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "runtime/generate.hpp"

namespace kvhost {
namespace {

int64_t argmax(const std::vector<float>& row) {
  return std::max_element(row.begin(), row.end()) - row.begin();
}

// KL(p || q) of two rows of log-probabilities, in nats.
double divergence(const std::vector<float>& p, const std::vector<float>& q) {
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i)
    sum += std::exp(static_cast<double>(p[i])) * (static_cast<double>(p[i]) - q[i]);
  return std::max(sum, 0.0);
}

}  // namespace

std::optional<Agreement> agreement(const Request& request,
                                   const Decoder& decoder,
                                   KvCache& cache,
                                   const FullRun& full,
                                   uint64_t seed) {
  const auto& tokens = full.generation.tokens;
  if (tokens.size() < 2) return std::nullopt;
  Timings ignored;
  const auto decode_run = make_decode_run(request, decoder, cache, seed, ignored);
  Agreement result;
  for (size_t i = 1; i < tokens.size(); ++i) {
    const at::Tensor logits =
        step(decoder, cache, decode_run.get(), std::span(&tokens[i - 1], 1), false).contiguous();
    const auto row = log_softmax({logits.data_ptr<float>(), static_cast<size_t>(logits.size(-1))});
    const auto& expected = full.logprobs[i];
    result.nll -= row[tokens[i]];
    result.nll_full -= expected[tokens[i]];
    result.kl += divergence(expected, row);
    result.top1 += argmax(expected) == argmax(row) ? 1 : 0;
    ++result.n_tokens;
  }
  const auto n = static_cast<double>(result.n_tokens);
  result.nll /= n, result.nll_full /= n, result.kl /= n, result.top1 /= n;
  return result;
}

}  // namespace kvhost
