// SPDX-License-Identifier: Apache-2.0
// POST /v1/responses: OpenAI's newer form, made a talk. Nothing is kept of it: a talk goes on by
// its messages, or by a document.
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "serve/press_fields.hpp"
#include "serve/refusal.hpp"
#include "serve/requests.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;

Json response_usage(const Collected& all) {
  return {{"input_tokens", all.n_prompt_tokens()},
          {"input_tokens_details", {{"cached_tokens", all.n_cached_tokens()}}},
          {"output_tokens", all.n_new_tokens()},
          {"output_tokens_details", {{"reasoning_tokens", 0}}},
          {"total_tokens", all.n_prompt_tokens() + all.n_new_tokens()}};
}

class ResponseWire : public Wire {
 public:
  ResponseWire(ServedModel& served, const AnswerOptions& answer, Json instructions)
      : served_(served), answer_(answer), instructions_(std::move(instructions)) {}

  std::string piece(const Event& event, const Collected& all) override {
    if (const auto* read = std::get_if<PromptRead>(&event)) {
      Json begun = object("in_progress");
      begun["kvhost"] = facts_json(read->facts);
      return named("response.created", {{"response", begun}}) +
             named("response.in_progress", {{"response", begun}}) +
             named("response.output_item.added",
                   {{"output_index", 0}, {"item", item("", "in_progress")}}) +
             named("response.content_part.added", place({{"part", part("")}}));
    }
    if (const auto* token = std::get_if<TokenChosen>(&event)) return delta(token->text);
    if (const auto* done = std::get_if<AnswerDone>(&event))
      return delta(done->text) + last_words(all);
    return "";
  }

  std::string end(const Collected&) override { return ""; }
  std::string whole(const Collected& all) override { return json_text(finished(all)); }

  std::string failed(const Refusal& refusal) override {
    return named("error",
                 {{"code", std::to_string(refusal.status)},
                  {"message", refusal.message},
                  {"param", refusal.param.empty() ? Json() : Json(refusal.param)}});
  }

 private:
  std::string named(const std::string& type, Json data) {
    data["type"] = type;
    data["sequence_number"] = n_sent_++;
    return server_sent(data, type);
  }
  Json place(Json data) const {
    data.update({{"item_id", item_id_}, {"output_index", 0}, {"content_index", 0}});
    return data;
  }
  static Json part(const std::string& text) {
    return {{"type", "output_text"}, {"text", text}, {"annotations", Json::array()},
            {"logprobs", Json::array()}};
  }
  Json item(const std::string& text, const std::string& status) const {
    Json content = Json::array();
    if (status == "completed") content.push_back(part(text));
    return {{"type", "message"}, {"id", item_id_}, {"status", status}, {"role", "assistant"},
            {"content", content}};
  }

  Json object(const std::string& status) const {
    return {{"id", id_},
            {"object", "response"},
            {"created_at", created_},
            {"status", status},
            {"error", Json()},
            {"incomplete_details", Json()},
            {"instructions", instructions_},
            {"max_output_tokens", answer_.max_new_tokens},
            {"model", served_.name()},
            {"output", Json::array()},
            {"parallel_tool_calls", true},
            {"previous_response_id", Json()},
            {"temperature", answer_.sampling.temperature},
            {"top_p", answer_.sampling.top_p},
            {"tool_choice", "auto"},
            {"tools", Json::array()},
            {"truncation", "disabled"},
            {"text", {{"format", {{"type", "text"}}}}},
            {"usage", Json()},
            {"metadata", Json::object()}};
  }

  Json finished(const Collected& all) const {
    const Collected::Choice& one = all.choices.at(0);
    const bool cut = one.finish_reason == "length";
    Json out = object(cut ? "incomplete" : "completed");
    if (cut) out["incomplete_details"] = {{"reason", "max_output_tokens"}};
    out["output"].push_back(item(one.text, "completed"));
    out["usage"] = response_usage(all);
    out["kvhost"] = kvhost_json(all);
    return out;
  }

  std::string delta(const std::string& text) {
    if (text.empty()) return "";
    return named("response.output_text.delta", place({{"delta", text}, {"logprobs", Json::array()}}));
  }

  std::string last_words(const Collected& all) {
    const std::string& text = all.choices.at(0).text;
    const Json out = finished(all);
    return named("response.output_text.done", place({{"text", text}, {"logprobs", Json::array()}})) +
           named("response.content_part.done", place({{"part", part(text)}})) +
           named("response.output_item.done",
                 {{"output_index", 0}, {"item", item(text, "completed")}}) +
           named(out["status"] == "completed" ? "response.completed" : "response.incomplete",
                 {{"response", out}});
  }

  ServedModel& served_;
  AnswerOptions answer_;
  Json instructions_;
  std::string id_ = new_id("resp_"), item_id_ = new_id("msg_");
  int64_t created_ = seconds_now();
  int64_t n_sent_ = 0;
};

// A text, or a list of messages; `instructions` stand before them.
Json input_messages(Fields& fields) {
  Json messages = Json::array();
  if (const Json* instructions = fields.any("instructions"))
    messages.push_back({{"role", "system"}, {"content", *instructions}});
  const Json* input = fields.any("input");
  if (!input) refuse_field("input", "not given; expected a text or a list of messages");
  if (input->is_string()) {
    messages.push_back({{"role", "user"}, {"content", *input}});
    return messages;
  }
  if (!input->is_array())
    refuse_field("input", "found " + kind_of(*input) + "; expected a text or a list of messages");
  for (size_t i = 0; i < input->size(); ++i) {
    const Json& one = (*input)[i];
    if (one.is_object() && one.contains("type") && one["type"] != "message")
      refuse_field("input[" + std::to_string(i) + "].type",
                   "found " + kind_of(one["type"]) + "; expected messages");
    messages.push_back(one);
  }
  return messages;
}

std::shared_ptr<const Form> read_text_format(Fields& fields, ServedModel& served) {
  const Json* text = fields.any("text");
  if (!text) return nullptr;
  Fields own(*text, "text.");
  const Json* format = own.any("format");
  own.ignore({"verbosity"});
  own.end();
  return format ? read_form(*format, "text.format", /*inside=*/false, served) : nullptr;
}

}  // namespace

Call response_call(const Json& body, ServedModel& served) {
  Fields fields(body, "");
  fields.ignore({"model"});  // chosen by it already
  const Shared shared = read_shared_fields(body, fields, served);
  const Json messages = input_messages(fields);
  const Json* tools = fields.any("tools");
  const Talk talk = read_talk(messages, tools ? *tools : Json(), Json(), shared.document, served);
  AnswerOptions answer = read_answer_fields(fields, served, "stop");
  answer.max_new_tokens =
      read_max_tokens(fields, "max_output_tokens", served, tokens_left(talk, served));
  fields.only("previous_response_id", Json(), "responses are not kept; send the messages");
  fields.only("background", false, "an answer is waited for");
  fields.only("tool_choice", "auto", "whether to call a tool is the model's choice");
  answer.form = read_text_format(fields, served);
  fields.ignore({"metadata", "store", "truncation", "parallel_tool_calls", "user", "include",
                 "reasoning", "service_tier", "safety_identifier", "prompt_cache_key"});
  const StreamWish stream = read_stream_fields(fields);
  const Json* instructions = fields.any("instructions");
  fields.end();
  Call call = talk_call(talk, shared, answer, 1, served);
  call.stream = stream.stream;
  call.wire =
      std::make_unique<ResponseWire>(served, answer, instructions ? *instructions : Json());
  return call;
}

}  // namespace kvhost
