// SPDX-License-Identifier: Apache-2.0
// The forms of requests: each reads a body and says what is to be done by the model that the body
// names. All throw Refused, or Error for what the engine finds wrong.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "serve/fields.hpp"
#include "serve/form.hpp"
#include "serve/wire.hpp"

namespace kvhost {

// Answers to one prompt, and tokens told beside the chosen one.
inline constexpr double kMostChoices = 32, kMostTop = 20;

struct Shared;

Call completion_call(const nlohmann::json& body, ServedModel& served);  // POST /v1/completions
Call chat_call(const nlohmann::json& body, ServedModel& served);        // POST /v1/chat/completions
Call message_call(const nlohmann::json& body, ServedModel& served);     // POST /v1/messages, Anthropic's
Call response_call(const nlohmann::json& body, ServedModel& served);    // POST /v1/responses
Call compare_call(const nlohmann::json& body, ServedModel& served);     // POST /v1/compare
// Of what /v1/messages would read.
int64_t count_message_tokens(const nlohmann::json& body, ServedModel& served);

// What a talk becomes for the engine.
struct Talk {
  std::vector<int32_t> tokens;
  std::string warning;
};
// `messages` as chat completions have them. With a document: all of them after it.
Talk read_talk(const nlohmann::json& messages,
               const nlohmann::json& tools,
               const nlohmann::json& variables,
               const std::string& document,
               ServedModel& served);

// The task that answers it `n` times.
Call talk_call(const Talk& talk,
               const Shared& shared,
               const AnswerOptions& answer,
               int n,
               ServedModel& served);
// Tokens that the context leaves for an answer.
int64_t tokens_left(const Talk& talk, const ServedModel& served);

// max_tokens within what the server allows, `wish` where it is not given.
int64_t read_max_tokens(Fields& fields, const std::string& name, const ServedModel& served,
                        int64_t wish);
// A list of numbers, which token_ids() takes.
bool is_token_list(const nlohmann::json& value);
std::vector<int32_t> token_ids(const nlohmann::json& list,
                               const std::string& where,
                               const ServedModel& served);
// {"type": "text" | "json_object" | "json_schema", ...}; null where any text will do. `inside`:
// whether the schema stands in an object of its own.
std::shared_ptr<const Form> read_form(const nlohmann::json& format,
                                      const std::string& where,
                                      bool inside,
                                      ServedModel& served);
// stream, stream_options.include_usage.
struct StreamWish {
  bool stream = false, usage = false;
};
StreamWish read_stream_fields(Fields& fields);

}  // namespace kvhost
