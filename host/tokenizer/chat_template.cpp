// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat_template.hpp"

#include "tokenizer/chat_template_impl.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/json.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost {

namespace {

using jinja::Dict;
using jinja::SequenceKind;
using jinja::Value;

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm out{};
  localtime_r(&now, &out);
  return out;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// Values of messages made from text that is not UTF-8 would be cut into no characters at all.
Value checked_text(const std::string& text, const std::string& where) {
  if (const size_t at = utf8::find_invalid(text); at != std::string::npos)
    bad_request(where, "not UTF-8 at byte " + std::to_string(at));
  return Value::text(text);
}

void check_messages(const Value& messages, const std::string& where) {
  if (!messages.is_sequence(SequenceKind::List))
    bad_request(where, "is " + type_name(messages) + "; expected an array of messages");
  const auto& all = messages.as_sequence()->items;
  for (size_t i = 0; i < all.size(); ++i)
    if (!all[i].is_dict())
      bad_request(where + "/" + std::to_string(i),
                  "is " + type_name(all[i]) + "; expected an object with role and content");
}

Value tools_of(const ChatOptions& options) {
  if (options.tools.empty()) return {};
  Value tools = jinja::parse_json_value(options.tools, "tools");
  if (!tools.is_none() && !tools.is_sequence(SequenceKind::List))
    bad_request("tools", "is " + type_name(tools) + "; expected an array of tools");
  return tools;
}

void add_variables(const ChatOptions& options, Dict* out) {
  if (options.variables.empty()) return;
  const Value more = jinja::parse_json_value(options.variables, "variables");
  if (!more.is_dict()) bad_request("variables", "is " + type_name(more) + "; expected an object");
  for (const auto& [key, value] : more.as_dict().entries()) {
    for (const char* own : {"messages", "tools", "add_generation_prompt"})
      if (key.as_text() == own)
        bad_request("variables", "sets " + key.as_text() + ", which has a place of its own");
    out->set(key, value);
  }
}

}  // namespace

ChatTemplate ChatTemplate::parse(const std::string& source,
                                 const std::string& name,
                                 const SpecialTokens& tokens) {
  auto impl = std::make_shared<Impl>();
  impl->origin = name;
  impl->templates["default"].code = jinja::Template::parse(source, name);
  impl->tokens = tokens;
  return ChatTemplate(std::move(impl));
}

std::vector<std::string> ChatTemplate::names() const {
  std::vector<std::string> out;
  for (const auto& [name, code] : impl_->templates) out.push_back(name);
  return out;
}

const ChatTemplate::SpecialTokens& ChatTemplate::special_tokens() const { return impl_->tokens; }

std::string ChatTemplate::render(std::span<const ChatMessage> messages,
                                 const ChatOptions& options) const {
  std::vector<Value> all;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string where = "message " + std::to_string(i);
    Dict one;
    one.set("role", checked_text(messages[i].role, where));
    one.set("content", checked_text(messages[i].content, where));
    all.push_back(Value::dict(std::move(one)));
  }
  return impl_->render(Value::list(std::move(all)), options);
}

std::string ChatTemplate::render_json(std::string_view messages,
                                      const ChatOptions& options,
                                      const std::string& where) const {
  const Value all = jinja::parse_json_value(messages, where);
  check_messages(all, where);
  return impl_->render(all, options);
}

const jinja::Template& ChatTemplate::Impl::choose(const std::string& wanted, bool with_tools) const {
  std::string name = wanted.empty() ? "default" : wanted;
  if (wanted.empty() && with_tools && templates.count("tool_use") > 0) name = "tool_use";
  const auto found = templates.find(name);
  if (found == templates.end()) {
    std::vector<std::string> names;
    for (const auto& [known, code] : templates) names.push_back(known);
    bad_request(origin, "has no chat template '" + name + "'; expected one of " + joined(names));
  }
  if (found->second.error) throw Error(*found->second.error);
  return *found->second.code;
}

std::string ChatTemplate::Impl::render(const Value& messages, const ChatOptions& options) const {
  Dict variables;
  for (const auto& [name, token] : tokens) variables.set(name, Value::text(token));
  variables.set("documents", Value());
  add_variables(options, &variables);
  const Value tools = tools_of(options);
  variables.set("messages", messages);
  variables.set("tools", tools);
  variables.set("add_generation_prompt", Value::boolean(options.add_generation_prompt));
  return choose(options.template_name, !tools.is_none())
      .render(variables, options.clock ? options.clock : local_time);
}

}  // namespace kvhost
