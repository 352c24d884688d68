// SPDX-License-Identifier: Apache-2.0
// Messages to tokens: by the model's template, or, where it has none, one text behind the other.
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "base/text.hpp"
#include "serve/press_fields.hpp"
#include "serve/refusal.hpp"
#include "serve/requests.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;

std::string part_text(const Json& part, const std::string& where) {
  const bool is_text = part.is_object() && part.contains("text") && part["text"].is_string() &&
                       (!part.contains("type") || part["type"] == "text" ||
                        part["type"] == "input_text" || part["type"] == "output_text");
  if (!is_text)
    refuse_field(where, "found " + kind_of(part) + "; expected {\"type\": \"text\", \"text\": ...}");
  return part["text"].get<std::string>();
}

// A text, or a list of parts that are texts; null for an answer that only called tools.
std::string content_text(const Json& message, const std::string& where) {
  if (!message.contains("content") || message["content"].is_null()) {
    if (message.contains("tool_calls")) return "";
    refuse_field(where + ".content", "not given; expected a text or a list of texts");
  }
  const Json& content = message["content"];
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array())
    refuse_field(where + ".content",
                 "found " + kind_of(content) + "; expected a text or a list of texts");
  std::string text;
  for (size_t i = 0; i < content.size(); ++i)
    text += part_text(content[i], where + ".content[" + std::to_string(i) + "]");
  return text;
}

// Checked, their contents made texts.
Json plain_messages(const Json& messages) {
  if (!messages.is_array() || messages.empty())
    refuse_field("messages",
                 "found " + (messages.is_null() ? "nothing" : kind_of(messages)) +
                     "; expected a list of messages with role and content");
  Json out = Json::array();
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string where = "messages[" + std::to_string(i) + "]";
    if (!messages[i].is_object())
      refuse_field(where, "found " + kind_of(messages[i]) + "; expected an object");
    Json message = messages[i];
    if (!message.contains("role") || !message["role"].is_string())
      refuse_field(where + ".role", "expected one of system, user, assistant, tool");
    const auto given = message["role"].get<std::string>();
    const std::string role = given == "developer" ? "system" : given;
    if (role != "system" && role != "user" && role != "assistant" && role != "tool")
      refuse_field(where + ".role",
                   "found " + quoted(role) + "; expected one of system, user, assistant, tool");
    message["role"] = role;
    message["content"] = content_text(message, where);
    out.push_back(std::move(message));
  }
  return out;
}

std::vector<int32_t> tokens_behind(const Json& messages,
                                     const std::string& document,
                                     ServedModel& served) {
  std::vector<ChatMessage> turns;
  for (size_t i = 0; i < messages.size(); ++i) {
    const auto role = messages[i]["role"].get<std::string>();
    const char* expected = i % 2 == 0 ? "user" : "assistant";
    if (role != expected)
      refuse_field("messages[" + std::to_string(i) + "].role",
                   "found " + quoted(role) + "; expected " + expected +
                       ": behind a document stand questions and answers in turn; its system "
                       "message is given where it is made");
    turns.push_back({role, messages[i]["content"].get<std::string>()});
  }
  if (turns.size() % 2 == 0)
    refuse_field("messages", "end with an answer; expected a question of the user at the end");
  std::optional<Conversation> conversation;
  served.scheduler().on_engine(
      [&](Shelf& shelf) { conversation = shelf.document(document).conversation; });
  return conversation->after_document(turns);
}

}  // namespace

int64_t tokens_left(const Talk& talk, const ServedModel& served) {
  if (served.context() == 0) return served.options().most_new_tokens;
  return std::max<int64_t>(1, served.context() - std::ssize(talk.tokens));
}

Call talk_call(const Talk& talk,
               const Shared& shared,
               const AnswerOptions& answer,
               int n,
               ServedModel& served) {
  Call call;
  call.outlet = std::make_shared<Outlet>(1);
  Task task = make_task(shared, served, call.outlet);
  task.tokens = talk.tokens;
  check_prompt(served, task, "messages");
  task.answer = answer;
  task.n_choices = n;
  call.tasks.push_back(std::move(task));
  return call;
}

Talk read_talk(const Json& given,
               const Json& tools,
               const Json& variables,
               const std::string& document,
               ServedModel& served) {
  const Json messages = plain_messages(given);
  Talk talk;
  if (!document.empty()) {
    talk.tokens = tokens_behind(messages, document, served);
    return talk;
  }
  if (!served.chat_template()) {
    std::string text;
    for (const auto& message : messages) text += message["content"].get<std::string>();
    talk.tokens = served.model().encode(text);
    talk.warning = "the model has no chat template: it read the messages one behind the other";
    return talk;
  }
  ChatOptions options;
  options.add_generation_prompt = true;
  if (!tools.is_null()) options.tools = json_text(tools);
  if (!variables.is_null()) options.variables = json_text(variables);
  talk.tokens = served.model().encode(
      served.chat_template()->render_json(json_text(messages), options, "messages"),
      /*add_special=*/false);
  return talk;
}

}  // namespace kvhost
