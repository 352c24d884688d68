// SPDX-License-Identifier: Apache-2.0
// What the engine has to say about a task while it works on it, in this order: PromptRead, then for
// every answer TokenChosen ... and AnswerDone; or Failed, at any time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/sequence.hpp"
#include "serve/refusal.hpp"

namespace kvhost {

struct TokenLogprob {
  int32_t token = 0;
  float logprob = 0;                           // nats
  std::vector<std::pair<int32_t, float>> top;  // the likeliest, in descending order
};

// How a prompt was read, and what was kept of it.
struct ReadFacts {
  int64_t n_tokens = 0;  // the document's included
  int64_t n_cached = 0;  // of these, read by an earlier request
  std::string press, decode_press;
  BudgetReport budget;
  int64_t bytes_full = 0;  // K and V of all n_tokens
  int64_t bytes_kept = 0;  // of what is held
  int64_t n_kept = 0;      // entries, over all layers and heads
  int64_t n_entries = 0;   // had nothing been dropped
  bool renumbered = false;
  std::vector<LayerReport> layers;  // when counts are wanted
  KeptPositions positions;          // when positions are wanted
  double queue_ms = 0, prefill_ms = 0;
};

struct PromptRead {
  int prompt = 0;
  ReadFacts facts;
  // When its tokens are scored, one each; the first has nothing before it.
  std::vector<std::optional<TokenLogprob>> logprobs;
  std::vector<int32_t> tokens;  // that are scored
};

struct TokenChosen {
  int choice = 0;
  int32_t token = 0;
  std::string text;  // that became final by it
  std::optional<TokenLogprob> logprob;
};

struct AnswerDone {
  int choice = 0;
  std::string text;           // that became final by the end
  std::string finish_reason;  // stop or length
  std::string stop;           // the stop text that ended it, or ""
  int64_t n_tokens = 0;
  double ttft_ms = 0, tpot_ms = 0;  // the first from when the request came
};

struct Failed {
  Refusal refusal;
};

using Event = std::variant<PromptRead, TokenChosen, AnswerDone, Failed>;

}  // namespace kvhost
