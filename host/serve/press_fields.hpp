// SPDX-License-Identifier: Apache-2.0
// What requests of all forms say alike: what is to be kept, and how tokens are chosen.
#pragma once

#include "serve/fields.hpp"
#include "serve/served_model.hpp"

namespace kvhost {

// press, keep_ratio | compression_ratio | budget, min_entries, decode_press, decode_every,
// decode_budget, decode_keep_ratio; what is not said is as the server was started.
PolicyOptions read_press_fields(Fields& fields, const ServedModel& served);

// Nothing is dropped.
PolicyOptions full_cache();

// Whether any of these was given.
bool names_press(const nlohmann::json& body);

// temperature, top_p, top_k, seed, stop, penalties, logit_bias, ignore_eos. `names`: how the form
// calls the stop texts.
AnswerOptions read_answer_fields(Fields& fields, const ServedModel& served, const char* stop_name);

// document, press and what goes with them, reuse, what to tell of it: the same for every form.
// `n_prompts`: as many tasks are made, without tokens.
struct Shared {
  KeyedPolicy policy;
  std::string document;
  bool reuse = true, extend = false;
  Kept kept = Kept::No;
  uint64_t method_seed = 0;
};
Shared read_shared_fields(const nlohmann::json& body, Fields& fields, ServedModel& served);

// A task as `shared` says, whose tokens are to be filled in.
Task make_task(const Shared& shared,
               const ServedModel& served,
               const std::shared_ptr<Outlet>& outlet);
// One of that model.
Task new_task(const ServedModel& served, Policy policy, const std::shared_ptr<Outlet>& outlet);

// Refuses prompts that are none, or longer than the context.
void check_prompt(const ServedModel& served, const Task& task, const std::string& field);

}  // namespace kvhost
