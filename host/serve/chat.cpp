// SPDX-License-Identifier: Apache-2.0
// POST /v1/chat/completions: a talk, put as the model's template puts it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "serve/press_fields.hpp"
#include "serve/refusal.hpp"
#include "serve/requests.hpp"
#include "serve/tool_calls.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;

// {"token", "logprob", "bytes"} and its rivals.
Json token_json(const ServedModel& served, int32_t token, float logprob) {
  const std::string text = served.token_text(token);
  std::vector<int> bytes;
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", text}, {"logprob", logprob}, {"bytes", bytes}};
}

Json logprob_json(const ServedModel& served, const TokenLogprob& one) {
  Json out = token_json(served, one.token, one.logprob);
  out["top_logprobs"] = Json::array();
  for (const auto& [id, logprob] : one.top)
    out["top_logprobs"].push_back(token_json(served, id, logprob));
  return out;
}

class ChatWire : public Wire {
 public:
  // `tools`: the answer may call some.
  ChatWire(ServedModel& served, int n, bool usage, bool tools, std::string warning)
      : served_(served), n_(n), usage_(usage), tools_(tools), warning_(std::move(warning)) {}

  std::string piece(const Event& event, const Collected& all) override {
    Json chunk = object("chat.completion.chunk");
    if (const auto* read = std::get_if<PromptRead>(&event)) {
      for (int i = 0; i < n_; ++i)
        chunk["choices"].push_back(delta(i, {{"role", "assistant"}, {"content", ""}}, Json()));
      chunk["kvhost"] = facts_json(read->facts);
      if (!warning_.empty()) chunk["kvhost"]["warnings"] = {warning_};
      return server_sent(chunk);
    }
    if (const auto* token = std::get_if<TokenChosen>(&event)) {
      const std::string text = told(token->choice, token->text, all);
      if (text.empty() && !token->logprob) return "";
      Json one = delta(token->choice, {{"content", text}}, Json());
      if (token->logprob)
        one["logprobs"] = {{"content", {logprob_json(served_, *token->logprob)}}};
      chunk["choices"].push_back(one);
      return server_sent(chunk);
    }
    if (const auto* done = std::get_if<AnswerDone>(&event)) {
      chunk["choices"].push_back(last_delta(*done, all));
      if (all.choices.size() == static_cast<size_t>(n_)) chunk["kvhost"] = kvhost_json(all);
      return server_sent(chunk);
    }
    return "";
  }

  std::string end(const Collected& all) override {
    std::string out;
    if (usage_) {
      Json chunk = object("chat.completion.chunk");
      chunk["usage"] = usage_json(all);
      out = server_sent(chunk);
    }
    return out + "data: [DONE]\n\n";
  }

  std::string whole(const Collected& all) override {
    Json out = object("chat.completion");
    for (const auto& [index, one] : all.choices) {
      Json choice = {{"index", index},
                     {"message", {{"role", "assistant"}, {"content", one.text}}},
                     {"logprobs", Json()},
                     {"finish_reason", one.finish_reason}};
      if (const ToolAnswer read = answer_of(one); !read.calls.empty()) {
        choice["message"]["content"] = read.text.empty() ? Json() : Json(read.text);
        choice["message"]["tool_calls"] = calls_json(read, /*indexed=*/false);
        choice["finish_reason"] = "tool_calls";
      }
      if (!one.logprobs.empty()) {
        choice["logprobs"] = {{"content", Json::array()}};
        for (const auto& token : one.logprobs)
          choice["logprobs"]["content"].push_back(logprob_json(served_, token));
      }
      out["choices"].push_back(choice);
    }
    out["usage"] = usage_json(all);
    out["kvhost"] = kvhost_json(all);
    if (!warning_.empty()) out["kvhost"]["warnings"] = {warning_};
    return json_text(out);
  }

 private:
  ToolAnswer answer_of(const Collected::Choice& one) const {
    return tools_ ? read_tool_calls(one.text) : ToolAnswer{one.text, {}};
  }

  static Json calls_json(const ToolAnswer& answer, bool indexed) {
    Json list = Json::array();
    for (const auto& call : answer.calls) {
      list.push_back({{"id", new_id("call_")},
                      {"type", "function"},
                      {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
      if (indexed) list.back()["index"] = list.size() - 1;
    }
    return list;
  }

  // What can be told of an answer that grew by `more`: not what may be a call.
  std::string told(int choice, const std::string& more, const Collected& all) {
    if (!tools_) return more;
    const std::string& text = all.choices.at(choice).text;
    size_t& n = n_told_[choice];
    const size_t end = std::max(n, text_before_calls(text));
    std::string piece = text.substr(n, end - n);
    n = end;
    return piece;
  }

  Json last_delta(const AnswerDone& done, const Collected& all) {
    Json content = Json::object();
    std::string reason = done.finish_reason, rest = done.text;
    if (tools_) {
      const std::string& text = all.choices.at(done.choice).text;
      const ToolAnswer read = read_tool_calls(text);
      rest = read.calls.empty() ? text.substr(n_told_[done.choice]) : "";
      if (!read.calls.empty()) {
        content["tool_calls"] = calls_json(read, /*indexed=*/true);
        reason = "tool_calls";
      }
    }
    if (!rest.empty()) content["content"] = rest;
    return delta(done.choice, content, reason);
  }

  Json object(const char* kind) const {
    return {{"id", id_},
            {"object", kind},
            {"created", created_},
            {"model", served_.name()},
            {"choices", Json::array()}};
  }
  static Json delta(int index, Json content, Json reason) {
    return {{"index", index},
            {"delta", std::move(content)},
            {"logprobs", Json()},
            {"finish_reason", std::move(reason)}};
  }

  ServedModel& served_;
  int n_;
  bool usage_, tools_;
  std::string warning_;
  std::map<int, size_t> n_told_;  // bytes of each answer
  std::string id_ = new_id("chatcmpl-");
  int64_t created_ = seconds_now();
};

// logprobs: true, top_logprobs: n
std::optional<int64_t> read_logprobs(Fields& fields) {
  const bool wanted = fields.flag("logprobs").value_or(false);
  const auto top = fields.whole("top_logprobs", {0, kMostTop});
  if (top && !wanted)
    refuse_field("top_logprobs", "found without logprobs; expected \"logprobs\": true beside it");
  return wanted ? std::optional(top.value_or(0)) : std::nullopt;
}

}  // namespace

Call chat_call(const Json& body, ServedModel& served) {
  Fields fields(body, "");
  fields.ignore({"model"});  // chosen by it already
  const Shared shared = read_shared_fields(body, fields, served);
  const Json* messages = fields.any("messages");
  const Json* tools = fields.any("tools");
  const Json* variables = fields.any("chat_template_kwargs");
  const Talk talk = read_talk(messages ? *messages : Json(),
                              tools ? *tools : Json(),
                              variables ? *variables : Json(),
                              shared.document,
                              served);
  AnswerOptions answer = read_answer_fields(fields, served, "stop");
  // One of the two names, the newer one first.
  const int64_t older = read_max_tokens(fields, "max_tokens", served, tokens_left(talk, served));
  answer.max_new_tokens = read_max_tokens(fields, "max_completion_tokens", served, older);
  answer.n_logprobs = read_logprobs(fields);
  if (const Json* format = fields.any("response_format"))
    answer.form = read_form(*format, "response_format", /*inside=*/true, served);
  const auto n = fields.whole("n", {1, kMostChoices}).value_or(1);
  fields.only("tool_choice", "auto", "whether to call a tool is the model's choice");
  fields.ignore({"user", "metadata", "store", "service_tier", "parallel_tool_calls",
                 "safety_identifier", "prompt_cache_key", "reasoning_effort", "modalities"});
  const StreamWish stream = read_stream_fields(fields);
  fields.end();

  Call call = talk_call(talk, shared, answer, static_cast<int>(n), served);
  call.stream = stream.stream;
  call.wire =
      std::make_unique<ChatWire>(
          served, static_cast<int>(n), stream.usage, tools != nullptr, talk.warning);
  return call;
}

}  // namespace kvhost
