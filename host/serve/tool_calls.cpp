// SPDX-License-Identifier: Apache-2.0
#include "serve/tool_calls.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/json_file.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kOpen = "<tool_call>", kClose = "</tool_call>";
constexpr const char* kSpace = " \t\r\n";

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// What `text` is as JSON, of a depth and size that any may have here; nothing where it is none.
std::optional<Json> json_in(const std::string& text) {
  try {
    return parse_json(text, "tool call", ExitCode::RunFailed);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<ToolCall> call_of(const Json& value) {
  if (!value.is_object() || !value.contains("name") || !value["name"].is_string())
    return std::nullopt;
  const char* key = value.contains("arguments") ? "arguments" : "parameters";
  if (!value.contains(key)) return std::nullopt;
  const Json& arguments = value[key];
  if (arguments.is_string()) {  // written as text already
    const auto text = arguments.get<std::string>();
    const auto read = json_in(text);
    if (!read || !read->is_object()) return std::nullopt;
    return ToolCall{value["name"].get<std::string>(), text};
  }
  if (!arguments.is_object()) return std::nullopt;
  return ToolCall{value["name"].get<std::string>(), json_text(arguments)};
}

// Calls that `text` is as a whole; none where it is anything else.
std::vector<ToolCall> calls_of(const std::string& text) {
  const auto value = json_in(text);
  if (!value) return {};
  std::vector<ToolCall> calls;
  const Json list = value->is_array() ? *value : Json::array({*value});
  for (const Json& one : list) {
    const auto call = call_of(one);
    if (!call) return {};
    calls.push_back(*call);
  }
  return calls;
}

}  // namespace

ToolAnswer read_tool_calls(const std::string& answer) {
  ToolAnswer out;
  size_t at = 0;
  while (at < answer.size()) {
    const size_t open = answer.find(kOpen, at);
    if (open == std::string::npos) break;
    const size_t begin = open + kOpen.size();
    const size_t close = answer.find(kClose, begin);  // the last one may lack its end
    const auto calls = calls_of(trimmed(answer.substr(begin, close - begin)));
    const size_t end = close == std::string::npos ? answer.size() : close + kClose.size();
    if (calls.empty())
      out.text += answer.substr(at, end - at);
    else
      out.text += answer.substr(at, open - at);
    out.calls.insert(out.calls.end(), calls.begin(), calls.end());
    at = end;
  }
  out.text += answer.substr(std::min(at, answer.size()));
  if (out.calls.empty()) {
    const std::string whole = trimmed(answer);
    if (!whole.empty() && (whole[0] == '{' || whole[0] == '[')) out.calls = calls_of(whole);
    if (!out.calls.empty()) out.text.clear();
  } else {
    out.text = trimmed(out.text);
  }
  return out;
}

size_t text_before_calls(const std::string& answer) {
  const size_t first = answer.find_first_not_of(kSpace);
  if (first == std::string::npos || answer[first] == '{' || answer[first] == '[') return 0;
  if (const size_t open = answer.find(kOpen); open != std::string::npos) return open;
  // A beginning of the mark at the end may become one.
  for (size_t n = std::min(kOpen.size() - 1, answer.size()); n > 0; --n)
    if (answer.ends_with(kOpen.substr(0, n))) return answer.size() - n;
  return answer.size();
}

}  // namespace kvhost
