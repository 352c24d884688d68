// SPDX-License-Identifier: Apache-2.0
// POST /v1/messages: Anthropic's form, made a talk.
#include "serve/messages.hpp"

#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "serve/press_fields.hpp"
#include "serve/refusal.hpp"
#include "serve/requests.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;

Json message_usage(const Collected& all) {
  return {{"input_tokens", all.n_prompt_tokens() - all.n_cached_tokens()},
          {"cache_read_input_tokens", all.n_cached_tokens()},
          {"cache_creation_input_tokens", 0},
          {"output_tokens", all.n_new_tokens()}};
}

std::string stop_reason(const std::string& finish_reason, const std::string& stop) {
  if (finish_reason == "length") return "max_tokens";
  return stop.empty() ? "end_turn" : "stop_sequence";
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

class MessageWire : public Wire {
 public:
  explicit MessageWire(ServedModel& served) : served_(served) {}

  std::string piece(const Event& event, const Collected& all) override {
    if (std::holds_alternative<PromptRead>(event)) return begin(all);
    if (const auto* token = std::get_if<TokenChosen>(&event)) return delta(token->text);
    if (const auto* done = std::get_if<AnswerDone>(&event)) {
      const Json why = {{"stop_reason", stop_reason(done->finish_reason, done->stop)},
                        {"stop_sequence", text_or_null(done->stop)}};
      return delta(done->text) + named({{"type", "content_block_stop"}, {"index", 0}}) +
             named({{"type", "message_delta"},
                    {"delta", why},
                    {"usage", message_usage(all)},
                    {"kvhost", kvhost_json(all)}});
    }
    return "";
  }

  std::string end(const Collected&) override { return named({{"type", "message_stop"}}); }

  std::string whole(const Collected& all) override {
    const Collected::Choice& one = all.choices.at(0);
    Json out = object(all);
    out["content"].push_back({{"type", "text"}, {"text", one.text}});
    out["stop_reason"] = stop_reason(one.finish_reason, one.stop);
    out["stop_sequence"] = text_or_null(one.stop);
    out["kvhost"] = kvhost_json(all);
    return json_text(out);
  }

  std::string failed(const Refusal& refusal) override {
    return "event: error\ndata: " + message_error(refusal) + "\n\n";
  }

 private:
  static std::string named(const Json& data) {
    return server_sent(data, data["type"].get<std::string>());
  }

  Json object(const Collected& all) const {
    return {{"id", id_},
            {"type", "message"},
            {"role", "assistant"},
            {"model", served_.name()},
            {"content", Json::array()},
            {"stop_reason", Json()},
            {"stop_sequence", Json()},
            {"usage", message_usage(all)}};
  }

  std::string begin(const Collected& all) const {
    Json message = object(all);
    message["kvhost"] = facts_json(all.prompts.at(0).facts);
    return named({{"type", "message_start"}, {"message", message}}) +
           named({{"type", "content_block_start"},
                  {"index", 0},
                  {"content_block", {{"type", "text"}, {"text", ""}}}});
  }

  static std::string delta(const std::string& text) {
    if (text.empty()) return "";
    return named({{"type", "content_block_delta"},
                  {"index", 0},
                  {"delta", {{"type", "text_delta"}, {"text", text}}}});
  }

  ServedModel& served_;
  std::string id_ = new_id("msg_");
};

// `system` stands apart from the messages.
Json all_messages(Fields& fields) {
  Json messages = Json::array();
  if (const Json* system = fields.any("system"))
    messages.push_back({{"role", "system"}, {"content", *system}});
  const Json* given = fields.any("messages");
  if (!given || !given->is_array() || given->empty())
    refuse_field("messages", "not given; expected a list of messages with role and content");
  for (const auto& message : *given) messages.push_back(message);
  return messages;
}

}  // namespace

std::string message_error(const Refusal& refusal) {
  std::string type = refusal.type();
  if (type == "server_error") type = refusal.status == 503 ? "overloaded_error" : "api_error";
  return json_text(
      {{"type", "error"}, {"error", {{"type", type}, {"message", refusal.message}}}});
}

Call message_call(const Json& body, ServedModel& served) {
  Fields fields(body, "");
  fields.ignore({"model"});  // chosen by it already
  const Shared shared = read_shared_fields(body, fields, served);
  const Json messages = all_messages(fields);
  const Json* tools = fields.any("tools");
  const Talk talk = read_talk(messages, tools ? *tools : Json(), Json(), shared.document, served);
  if (!fields.any("max_tokens")) refuse_field("max_tokens", "not given; expected a number");
  AnswerOptions answer = read_answer_fields(fields, served, "stop_sequences");
  answer.max_new_tokens = read_max_tokens(fields, "max_tokens", served, 0);
  fields.ignore({"metadata", "tool_choice", "thinking", "service_tier"});
  const StreamWish stream = read_stream_fields(fields);
  fields.end();
  Call call = talk_call(talk, shared, answer, 1, served);
  call.stream = stream.stream;
  call.wire = std::make_unique<MessageWire>(served);
  return call;
}

int64_t count_message_tokens(const Json& body, ServedModel& served) {
  Fields fields(body, "");
  fields.ignore({"model"});  // chosen by it already
  const Json messages = all_messages(fields);
  const Json* tools = fields.any("tools");
  const auto document = fields.text("document").value_or("");
  fields.ignore({"tool_choice", "thinking"});
  fields.end();
  return std::ssize(
      read_talk(messages, tools ? *tools : Json(), Json(), document, served).tokens);
}

}  // namespace kvhost
