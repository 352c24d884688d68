// SPDX-License-Identifier: Apache-2.0
// One request in one of the forms that clients know: what it wants of the engine, and how what
// comes of it is put, whole or as a stream of server-sent events.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "serve/outlet.hpp"
#include "serve/served_model.hpp"

namespace kvhost {

// Everything that was said of a request so far.
struct Collected {
  struct Choice {
    std::string text, finish_reason, stop;
    std::vector<TokenLogprob> logprobs;
    int64_t n_tokens = 0;
    double ttft_ms = 0, tpot_ms = 0;
  };
  std::map<int, Choice> choices;
  std::map<int, PromptRead> prompts;

  void add(const Event& event);
  int64_t n_prompt_tokens() const;
  int64_t n_cached_tokens() const;
  int64_t n_new_tokens() const;
};

// OpenAI's form of an error, as text.
std::string error_json(const Refusal& refusal);

class Wire {
 public:
  virtual ~Wire() = default;
  // What to send when `event` came, "" for nothing; `all` holds it already.
  virtual std::string piece(const Event& event, const Collected& all) = 0;
  virtual std::string end(const Collected& all) = 0;  // after the last one
  virtual std::string whole(const Collected& all) = 0;
  // In the midst of a stream.
  virtual std::string failed(const Refusal& refusal);
};

struct Call {
  std::shared_ptr<Outlet> outlet;
  std::vector<Task> tasks;
  bool stream = false;
  std::unique_ptr<Wire> wire;
};

// "data: {...}\n\n", after "event: name\n" where there is one.
std::string server_sent(const nlohmann::json& data, const std::string& event = "");
// prefix and 24 random characters
std::string new_id(const std::string& prefix);
int64_t seconds_now();

// OpenAI's usage, and what kvhost has to tell of prompts and times.
nlohmann::json usage_json(const Collected& all);
nlohmann::json facts_json(const ReadFacts& facts);
nlohmann::json kvhost_json(const Collected& all);

}  // namespace kvhost
