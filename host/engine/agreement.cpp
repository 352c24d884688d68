// SPDX-License-Identifier: Apache-2.0
#include "engine/agreement.hpp"

#include <algorithm>
#include <cmath>

#include "base/likeliest.hpp"

namespace kvhost {

double divergence(std::span<const float> p, std::span<const float> q) {
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i)
    sum += std::exp(static_cast<double>(p[i])) * (static_cast<double>(p[i]) - q[i]);
  return sum;
}

std::optional<Agreement> agreement(Sequence& compressed, const FullRun& full) {
  const auto& tokens = full.generation.tokens;
  if (tokens.size() < 2) return std::nullopt;
  Agreement result;
  compressed.force(tokens, [&](size_t i, std::span<const float> logits) {
    if (i == 0) return;
    const auto row = log_softmax(logits);
    const auto& expected = full.logprobs[i];
    result.nll -= row[tokens[i]];
    result.nll_full -= expected[tokens[i]];
    result.kl += std::max(divergence(expected, row), 0.0);
    result.top1 += likeliest(expected) == likeliest(row) ? 1 : 0;
    ++result.n_tokens;
  });
  const auto n = static_cast<double>(result.n_tokens);
  result.nll /= n, result.nll_full /= n, result.kl /= n, result.top1 /= n;
  return result;
}

}  // namespace kvhost
