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
    bad_request(where, "not UTF-8 at byte " + std::to_string(at) + "; expected UTF-8");
  return Value::text(text);
}

Value parsed(const std::string& text, const std::string& where) {
  return text.empty() ? Value() : jinja::parse_json_value(text, where);
}

// What a template is rendered with.
struct Request {
  std::string where;  // what errors call it
  Value messages, tools, variables;
  bool add_generation_prompt = false;
};

Request with_options(const ChatOptions& options) {
  return {"",
          Value(),
          parsed(options.tools, "tools"),
          parsed(options.variables, "variables"),
          options.add_generation_prompt};
}

// The messages themselves, or an object that holds them.
void read_request(const Value& text, const std::string& where, Request* out) {
  out->where = where;
  if (!text.is_dict()) {
    out->messages = text;
    return;
  }
  for (const auto& [key, value] : text.as_dict().entries()) {
    const std::string& name = key.as_text();
    if (name == "messages")
      out->messages = value;
    else if (name == "tools")
      out->tools = value;
    else if (name == "variables")
      out->variables = value;
    else if (name == "add_generation_prompt" && value.is_bool())
      out->add_generation_prompt = value.as_bool();
    else if (name == "add_generation_prompt")
      bad_request(where + "/" + name, "is " + type_name(value) + "; expected true or false");
    else
      bad_request(where + "/" + name,
                  "is not known; expected messages, tools, add_generation_prompt or variables");
  }
  out->where += "/messages";
}

void check(const Request& request) {
  if (!request.messages.is_sequence(SequenceKind::List))
    bad_request(request.where,
                "is " + type_name(request.messages) + "; expected an array of messages");
  const auto& all = request.messages.as_sequence()->items;
  for (size_t i = 0; i < all.size(); ++i)
    if (!all[i].is_dict())
      bad_request(request.where + "/" + std::to_string(i),
                  "is " + type_name(all[i]) + "; expected an object with role and content");
  if (!request.tools.is_none() && !request.tools.is_sequence(SequenceKind::List))
    bad_request("tools", "is " + type_name(request.tools) + "; expected an array of tools");
  if (!request.variables.is_none() && !request.variables.is_dict())
    bad_request("variables", "is " + type_name(request.variables) + "; expected an object");
}

void add_variables(const Value& more, Dict* out) {
  if (more.is_none()) return;
  for (const auto& [key, value] : more.as_dict().entries()) {
    for (const char* own : {"messages", "tools", "add_generation_prompt"})
      if (key.as_text() == own)
        bad_request("variables", "sets " + key.as_text() + "; expected it in its own place, not among the variables");
    out->set(key, value);
  }
}

Dict variables_of(const Request& request, const ChatTemplate::SpecialTokens& tokens) {
  check(request);
  Dict out;
  for (const auto& [name, token] : tokens) out.set(name, Value::text(token));
  out.set("documents", Value());
  add_variables(request.variables, &out);
  out.set("messages", request.messages);
  out.set("tools", request.tools);
  out.set("add_generation_prompt", Value::boolean(request.add_generation_prompt));
  return out;
}

}  // namespace

ChatTemplate ChatTemplate::parse(const std::string& source,
                                 const std::string& name,
                                 const SpecialTokens& tokens) {
  auto impl = std::make_shared<Impl>();
  impl->origin = name;
  impl->templates["default"] = {jinja::Template::parse(source, name), std::nullopt, source};
  impl->tokens = tokens;
  return ChatTemplate(std::move(impl));
}

std::vector<std::string> ChatTemplate::names() const {
  std::vector<std::string> out;
  for (const auto& [name, code] : impl_->templates) out.push_back(name);
  return out;
}

std::string ChatTemplate::source() const {
  std::string out;
  for (const auto& [name, one] : impl_->templates) out += name + '\0' + one.source + '\0';
  for (const auto& [name, token] : impl_->tokens) out += name + '\0' + token + '\0';
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
  Request request = with_options(options);
  request.messages = Value::list(std::move(all));
  return impl_->render(variables_of(request, impl_->tokens), options);
}

std::string ChatTemplate::render_json(std::string_view text,
                                      const ChatOptions& options,
                                      const std::string& where) const {
  Request request = with_options(options);
  read_request(jinja::parse_json_value(text, where), where, &request);
  return impl_->render(variables_of(request, impl_->tokens), options);
}

const jinja::Template& ChatTemplate::Impl::choose(const std::string& wanted,
                                                  bool with_tools) const {
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

std::string ChatTemplate::Impl::render(const Dict& variables, const ChatOptions& options) const {
  return choose(options.template_name, !variables.find("tools")->is_none())
      .render(variables, options.clock ? options.clock : local_time);
}

}  // namespace kvhost
