// SPDX-License-Identifier: Apache-2.0
#include "serve/form.hpp"

#include <limits>

#include "base/error.hpp"
#include "base/ranking.hpp"

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
  Ranking ranked(logits);
  std::vector<float> kept(logits.size(), kNever);
  bool any = false;
  // Some of the likeliest at a time, until some of them fit.
  for (size_t rank = 0; rank < ranked.size() && !(any && rank % kLookedAt == 0); ++rank) {
    const int32_t token = ranked[rank];
    const float logit = logits[static_cast<size_t>(token)];
    if (logit == kNever || !fits(model, token)) continue;
    kept[static_cast<size_t>(token)] = logit;
    any = true;
  }
  if (!any)
    run_failed("response_format",
               "no token of the model goes on as it asks; expected a vocabulary that can spell it");
  logits = std::move(kept);
}

}  // namespace kvhost
