// SPDX-License-Identifier: Apache-2.0
#include "serve/wire.hpp"

#include <nlohmann/json.hpp>
#include <random>

#include "base/json_file.hpp"

namespace kvhost {

void Collected::add(const Event& event) {
  if (const auto* read = std::get_if<PromptRead>(&event)) {
    prompts.insert_or_assign(read->prompt, *read);
  } else if (const auto* token = std::get_if<TokenChosen>(&event)) {
    Choice& choice = choices[token->choice];
    choice.text += token->text;
    ++choice.n_tokens;
    if (token->logprob) choice.logprobs.push_back(*token->logprob);
  } else if (const auto* done = std::get_if<AnswerDone>(&event)) {
    Choice& choice = choices[done->choice];
    choice.text += done->text;
    choice.finish_reason = done->finish_reason;
    choice.stop = done->stop;
    choice.ttft_ms = done->ttft_ms;
    choice.tpot_ms = done->tpot_ms;
  }
}

int64_t Collected::n_prompt_tokens() const {
  int64_t n = 0;
  for (const auto& [index, prompt] : prompts) n += prompt.facts.n_tokens;
  return n;
}

int64_t Collected::n_cached_tokens() const {
  int64_t n = 0;
  for (const auto& [index, prompt] : prompts) n += prompt.facts.n_cached;
  return n;
}

int64_t Collected::n_new_tokens() const {
  int64_t n = 0;
  for (const auto& [index, choice] : choices) n += choice.n_tokens;
  return n;
}

std::string Wire::failed(const Refusal& refusal) {
  return "data: " + error_json(refusal) + "\n\n";
}

std::string error_json(const Refusal& refusal) {
  const nlohmann::json param =
      refusal.param.empty() ? nlohmann::json() : nlohmann::json(refusal.param);
  return json_text({{"error",
                     {{"message", refusal.message},
                      {"type", refusal.type()},
                      {"param", param},
                      {"code", refusal.status}}}});
}

std::string server_sent(const nlohmann::json& data, const std::string& event) {
  return (event.empty() ? "" : "event: " + event + "\n") + "data: " + json_text(data) + "\n\n";
}

std::string new_id(const std::string& prefix) {
  static const char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  thread_local std::mt19937_64 random{std::random_device()()};
  std::string id = prefix;
  for (int i = 0; i < 24; ++i) id += kDigits[random() % 36];
  return id;
}

int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

nlohmann::json usage_json(const Collected& all) {
  return {{"prompt_tokens", all.n_prompt_tokens()},
          {"completion_tokens", all.n_new_tokens()},
          {"total_tokens", all.n_prompt_tokens() + all.n_new_tokens()},
          {"prompt_tokens_details", {{"cached_tokens", all.n_cached_tokens()}}}};
}

nlohmann::json facts_json(const ReadFacts& facts) {
  const BudgetReport& budget = facts.budget;
  nlohmann::json out = {
      {"press", facts.press},
      {"decode_press",
       facts.decode_press.empty() ? nlohmann::json() : nlohmann::json(facts.decode_press)},
      {"budget",
       {{"mode", budget.mode},
        {"value", budget.value},
        {"defaulted", budget.defaulted},
        {"raised", budget.raised},
        {"entries_per_head", budget.entries_per_head}}},
      {"n_prompt_tokens", facts.n_tokens},
      {"n_cached_tokens", facts.n_cached},
      {"n_kept", facts.n_kept},
      {"n_entries_full", facts.n_entries},
      {"cache_bytes_full", facts.bytes_full},
      {"cache_bytes_kept", facts.bytes_kept},
      {"queue_ms", facts.queue_ms},
      {"prefill_ms", facts.prefill_ms}};
  for (const auto& layer : facts.layers) out["n_kept_per_head"].push_back(layer.n_kept);
  if (!facts.positions.empty()) {
    out["kept_positions"] = facts.positions;
    out["renumbered"] = facts.renumbered;
  }
  return out;
}

nlohmann::json kvhost_json(const Collected& all) {
  nlohmann::json prompts = nlohmann::json::array(), answers = nlohmann::json::array();
  for (const auto& [index, prompt] : all.prompts) prompts.push_back(facts_json(prompt.facts));
  for (const auto& [index, choice] : all.choices)
    answers.push_back({{"index", index},
                       {"n_tokens", choice.n_tokens},
                       {"ttft_ms", choice.ttft_ms},
                       {"tpot_ms", choice.tpot_ms}});
  // Of one prompt, the usual case, its facts stand by themselves.
  nlohmann::json out = nlohmann::json::object();
  if (prompts.size() == 1)
    out = std::move(prompts[0]);
  else
    out["prompts"] = std::move(prompts);
  out["answers"] = std::move(answers);
  return out;
}

}  // namespace kvhost
