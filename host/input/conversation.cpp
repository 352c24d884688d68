// SPDX-License-Identifier: Apache-2.0
#include "input/conversation.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"

namespace kvhost {
namespace {

// Stands for a question while a template is rendered, to find where questions go. No template looks
// into it, no text holds it.
constexpr const char* kMark = "\x1akvhost-question\x1a";
constexpr const char* kDocument = "\x1akvhost-document\x1a";

std::optional<ChatTemplate> find_template(const Model& model, std::optional<bool> chat) {
  if (chat && !*chat) return std::nullopt;
  auto found = ChatTemplate::find(model.facts().path);
  if (chat && !found)
    cannot_load(model.facts().path,
                "has no chat template; expected chat_template.jinja, or a template in "
                "tokenizer_config.json, or no --chat");
  return found;
}

ChatOptions asking_for_an_answer() {
  ChatOptions options;
  options.add_generation_prompt = true;
  return options;
}

void add_system(const std::optional<std::string>& system, std::vector<ChatMessage>& messages) {
  if (system) messages.push_back({"system", *system});
}

}  // namespace

std::vector<int32_t> encode_message(const Model& model,
                                    const std::optional<std::string>& system,
                                    const std::string& text) {
  const auto chat = find_template(model, true);
  std::vector<ChatMessage> messages;
  add_system(system, messages);
  messages.push_back({"user", text});
  return model.encode(chat->render(messages, asking_for_an_answer()),
                      /*add_special=*/false);
}

Conversation::Conversation(const Model& model,
                           std::optional<bool> chat,
                           std::optional<std::string> system)
    : model_(model), template_(find_template(model, chat)), system_(std::move(system)) {}

// The document stands before the first question, in the same message.
std::string Conversation::render(const std::vector<ChatMessage>& turns,
                                 const std::string& document) const {
  std::vector<ChatMessage> messages;
  add_system(system_, messages);
  for (size_t i = 0; i < turns.size(); ++i) {
    messages.push_back(turns[i]);
    if (i == 0 && has_document_) messages.back().content = document + "\n\n" + turns[i].content;
  }
  return template_->render(messages, asking_for_an_answer());
}

std::string Conversation::before_question(const std::string& document) const {
  const std::string rendered = render({{"user", kMark}}, document);
  const size_t at = rendered.find(kMark);
  if (at == std::string::npos)
    cannot_load(
        model_.facts().path,
        "its chat template does not show a user's message as it is; expected one that does, "
        "or --no-chat");
  return rendered.substr(0, at);
}

std::vector<int32_t> Conversation::document(const std::string& text, bool add_special) {
  has_document_ = begun_ = true;
  if (!template_) return model_.encode(text, add_special);
  return model_.encode(before_question(text), /*add_special=*/false);
}

std::vector<int32_t> Conversation::beginning() {
  begun_ = true;
  return model_.encode(before_question(""), /*add_special=*/false);
}

std::vector<int32_t> Conversation::first_question(const std::string& question) const {
  return after_document({{"user", question}});
}

std::vector<int32_t> Conversation::after_document(const std::vector<ChatMessage>& turns) const {
  if (!template_) {
    std::string text;
    for (const auto& turn : turns) text += turn.content;
    return model_.encode(text, /*add_special=*/false);
  }
  // What follows a document does not depend on it, so a stand-in serves.
  const std::string rendered = render(turns, kDocument);
  if (!begun_) return model_.encode(rendered, /*add_special=*/false);
  const std::string before = before_question(kDocument);
  if (!rendered.starts_with(before))
    cannot_load(model_.facts().path,
                "its chat template puts the question before the document; expected one that keeps "
                "their order, or --no-chat");
  return model_.encode(rendered.substr(before.size()), /*add_special=*/false);
}

Conversation::Turn Conversation::next_question(const std::string& question) const {
  if (turns_.empty()) return {first_question(question), true};
  if (!template_) return {model_.encode(question, /*add_special=*/false), true};
  std::vector<ChatMessage> all = turns_;
  all.pop_back();
  const std::string read = render(all, kDocument) + turns_.back().content;  // stands in the cache
  all.push_back(turns_.back());
  all.push_back({"user", question});
  const std::string whole = render(all, kDocument);
  if (whole.starts_with(read))
    return {model_.encode(whole.substr(read.size()), /*add_special=*/false), true};
  return {model_.encode(whole, /*add_special=*/false), false};
}

void Conversation::answered(const std::string& question, const std::string& answer) {
  turns_.push_back({"user", question});
  turns_.push_back({"assistant", answer});
}

std::string Conversation::state() const {
  nlohmann::json turns = nlohmann::json::array();
  for (const auto& turn : turns_) turns.push_back({{"role", turn.role}, {"content", turn.content}});
  nlohmann::json state = {{"template", has_template()},
                          {"document", has_document_},
                          {"begun", begun_},
                          {"turns", turns}};
  if (system_) state["system"] = *system_;
  return json_text(state);
}

void Conversation::restore(const std::string& text, const std::string& where) {
  const nlohmann::json state = parse_json(text, where, ExitCode::CannotLoad);
  try {
    if (!state.at("template").get<bool>()) template_.reset();
    has_document_ = state.at("document").get<bool>();
    begun_ = state.value("begun", has_document_);
    if (state.contains("system")) system_ = state.at("system").get<std::string>();
    turns_.clear();
    for (const auto& turn : state.at("turns"))
      turns_.push_back({turn.at("role").get<std::string>(), turn.at("content").get<std::string>()});
  } catch (const nlohmann::json::exception&) {
    cannot_load(where, "holds a conversation that cannot be read; expected one that kvhost saved");
  }
}

}  // namespace kvhost
