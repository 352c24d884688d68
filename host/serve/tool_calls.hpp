// SPDX-License-Identifier: Apache-2.0
// Calls of tools in a model's answer, in the forms that its family was taught.
#pragma once

#include <string>
#include <vector>

namespace kvhost {

struct ToolCall {
  std::string name, arguments;  // JSON text
};

struct ToolAnswer {
  std::string text;  // what is no call
  std::vector<ToolCall> calls;
};

// <tool_call>{"name": ..., "arguments": {...}}</tool_call>, any number, as Hermes, Qwen and their
// kin write; or an answer that is nothing but such an object or a list of them, as Llama 3 writes
// ("parameters"). What is malformed stays text.
ToolAnswer read_tool_calls(const std::string& answer);

// How much of an answer under way is certainly text: none of what may become a call.
size_t text_before_calls(const std::string& answer);

}  // namespace kvhost
