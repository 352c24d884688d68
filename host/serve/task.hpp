// SPDX-License-Identifier: Apache-2.0
// What the engine is asked to do for a request: one prompt, read once, and the answers that start
// from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/model.hpp"
#include "engine/policy.hpp"
#include "engine/sampling.hpp"
#include "input/conversation.hpp"
#include "serve/ledger.hpp"

namespace kvhost {

class Outlet;
struct Form;

struct AnswerOptions {
  SamplingOptions sampling;  // the seed of the first answer; each further one has the next
  double presence_penalty = 0, frequency_penalty = 0;
  std::map<int32_t, float> logit_bias;
  int64_t max_new_tokens = 16;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  std::shared_ptr<const Form> form;  // that the answer must have; null: any
  std::optional<int64_t> n_logprobs;  // log-probabilities, and of so many of the likeliest tokens
};

enum class Kept { No, Counts, Positions };

// Of each token of interest, the logits [vocab_size] that predict it.
struct LogitRows {
  std::vector<std::vector<float>> of;
  std::unique_ptr<Promise> promise;  // for them, once the task has ended and given its own back
};

struct Task {
  Task(Model of, std::string called, Policy by, std::shared_ptr<Outlet> to)
      : model(std::move(of)),
        model_name(std::move(called)),
        policy(std::move(by)),
        outlet(std::move(to)) {}

  Model model;
  std::string model_name;
  std::vector<int32_t> tokens;  // behind those of `document`
  // Of these, so many are read with exact attention and compressed; the others are read over what
  // was kept. 0: all.
  int64_t n_context = 0;
  Policy policy;
  std::string policy_key;  // prompts that were read by equal keys are equal
  uint64_t method_seed = 0;
  std::string document;  // id, or ""
  bool reuse = false;    // begin with an earlier prompt where one is the beginning of this
  bool extend = false;   // also one that was compressed, whose rest is then kept whole

  bool score_prompt = false;  // log-probabilities of its own tokens
  // The logits behind its tokens from `rows_from` on are put here; null: nowhere.
  std::shared_ptr<LogitRows> rows;
  size_t rows_from = 0;
  Kept kept = Kept::No;       // what to tell of what was kept
  // Id: the sequence stays as a document of this title, asked as the conversation says.
  std::string keep_as, title;
  std::optional<Conversation> conversation;
  AnswerOptions answer;
  int first_choice = 0, n_choices = 1, prompt = 0;

  std::string client;  // for a fair queue
  std::shared_ptr<Outlet> outlet;
  std::chrono::steady_clock::time_point submitted;
  int64_t context = 0;      // tokens of prompt and answer; 0: no bound
  int64_t cache_bytes = 0;  // the most it will hold
};

}  // namespace kvhost
