// SPDX-License-Identifier: Apache-2.0
#include "serve/form.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.hpp"

namespace kvhost {

const std::string& FormState::bytes_of(int32_t token) const {
  static const std::string kNone;
  const auto& all = *form_->token_bytes;
  const auto at = static_cast<size_t>(token);
  return at < all.size() ? all[at] : kNone;
}

bool FormState::fits(const Model& model, int32_t token) const {
  return model.is_eos(token) ? state_.complete() : state_.accepts(bytes_of(token));
}

void FormState::restrict(const Model& model, std::vector<float>& logits) const {
  constexpr size_t kLookedAt = 256;
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<float> kept(logits.size(), kNever);
  bool any = false;
  // Some of the likeliest at a time, until some of them fit.
  for (size_t begin = 0; begin < order.size() && !any; begin += kLookedAt) {
    const size_t end = std::min(order.size(), begin + kLookedAt);
    std::partial_sort(order.begin() + static_cast<std::ptrdiff_t>(begin),
                      order.begin() + static_cast<std::ptrdiff_t>(end),
                      order.end(),
                      [&](int32_t a, int32_t b) {
                        const float x = logits[static_cast<size_t>(a)],
                                    y = logits[static_cast<size_t>(b)];
                        return x != y ? x > y : a < b;
                      });
    for (size_t i = begin; i < end; ++i) {
      const int32_t token = order[i];
      if (logits[static_cast<size_t>(token)] == kNever || !fits(model, token)) continue;
      kept[static_cast<size_t>(token)] = logits[static_cast<size_t>(token)];
      any = true;
    }
  }
  if (!any)
    run_failed("response_format",
               "no token of the model goes on as it asks; expected a vocabulary that can spell it");
  logits = std::move(kept);
}

}  // namespace kvhost
