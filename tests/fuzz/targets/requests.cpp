// SPDX-License-Identifier: Apache-2.0
// What clients of the server send, and models answer them.
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/error.hpp"
#include "fuzz/fuzz.hpp"
#include "serve/json_grammar.hpp"
#include "serve/refusal.hpp"
#include "serve/tool_calls.hpp"
#include "tokenizer/tokenizer.hpp"

namespace kvhost {
namespace {

// As much of `answer` as the schema takes; what it calls complete must be JSON.
void hold(const Grammar& grammar, const std::string& answer) {
  GrammarState state(grammar);
  for (size_t i = 0; i < answer.size() && i < 300; ++i) {
    const std::string_view byte(&answer[i], 1);
    if (!state.accepts(byte)) return;
    state.take(byte);
    const auto taken = answer.substr(0, i + 1);
    if (state.over() && !state.complete())
      throw std::logic_error("over and not complete: " + taken);
    if (state.complete() && i + 1 == answer.size() && !nlohmann::json::accept(taken) &&
        sanitize_utf8(taken) == taken)
      throw std::logic_error("complete and no JSON: " + taken);
  }
}

}  // namespace

FUZZ_TARGET(json_schema, true) {
  const auto request = nlohmann::json::parse(input, nullptr, /*allow_exceptions=*/false);
  if (!request.is_object()) return;
  try {
    const Grammar grammar = schema_grammar(request.value("schema", nlohmann::json()), "schema");
    const auto answer = request.find("answer");
    if (answer != request.end() && answer->is_string()) hold(grammar, answer->get<std::string>());
  } catch (const Refused& e) {
    if (e.refusal().status / 100 != 4)
      throw std::logic_error("status " + std::to_string(e.refusal().status));
    throw Error(ExitCode::BadRequest, "request", e.what());
  }
}

FUZZ_TARGET(tool_calls, false) {
  const std::string answer(input);
  const ToolAnswer read = read_tool_calls(answer);
  for (const ToolCall& call : read.calls)
    if (!nlohmann::json::accept(call.arguments))
      throw std::logic_error("arguments that are no JSON: " + call.arguments);
  if (text_before_calls(answer) > answer.size()) throw std::logic_error("more text than there is");
}

}  // namespace kvhost
