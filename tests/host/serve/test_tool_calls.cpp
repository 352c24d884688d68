// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "serve/tool_calls.hpp"

using namespace kvhost;

TEST_CASE("calls between marks are read, what stands around them is text") {
  const ToolAnswer out = read_tool_calls(
      "Let me look.\n<tool_call>\n{\"name\": \"find\", \"arguments\": {\"x\": [1, \"}\"]}}\n"
      "</tool_call>\n<tool_call>{\"name\": \"b\", \"arguments\": {}}</tool_call>");
  CHECK(out.text == "Let me look.");
  REQUIRE(out.calls.size() == 2);
  CHECK(out.calls[0].name == "find");
  CHECK(out.calls[0].arguments == "{\"x\":[1,\"}\"]}");
  CHECK(out.calls[1].name == "b");
}

TEST_CASE("an answer that is a call and nothing else is one") {
  for (const std::string text : {"{\"name\": \"f\", \"parameters\": {\"a\": 1}}",
                                 " [{\"name\": \"f\", \"arguments\": {\"a\": 1}}]\n",
                                 "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}"}) {
    const ToolAnswer out = read_tool_calls(text);
    INFO(text);
    REQUIRE(out.calls.size() == 1);
    CHECK(out.calls[0].arguments == "{\"a\":1}");
    CHECK(out.text.empty());
  }
}

TEST_CASE("what is malformed, or something else, stays text") {
  for (const std::string text :
       {"{\"name\": 3}", "{\"a\": 1}", "<tool_call>{oops}</tool_call> then", "[1, 2]", "plain", "",
        "<tool_call>", "{\"name\": \"f\", \"arguments\": 3}"}) {
    const ToolAnswer out = read_tool_calls(text);
    CHECK(out.calls.empty());
    CHECK(out.text == text);
  }
}

TEST_CASE("nothing that may become a call is told early") {
  CHECK(text_before_calls("Hello") == 5);
  CHECK(text_before_calls("Hello <tool") == 6);
  CHECK(text_before_calls("Hello <tool_call>{") == 6);
  CHECK(text_before_calls("a < b") == 5);
  CHECK(text_before_calls(" {\"na") == 0);
  CHECK(text_before_calls("  ") == 0);
}
