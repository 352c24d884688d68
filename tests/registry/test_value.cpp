// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "registry/value.hpp"
#include "registry/value_json.hpp"

using kvhost::registry::json_of;
using kvhost::registry::Value;
using kvhost::registry::value_from;

TEST_CASE("a value is written as compositions and as JSON read it") {
  struct Case {
    Value value;
    const char *text, *literal, *kind;
  };
  const std::vector<Case> cases = {
      {Value(), "none", "null", "null"},
      {true, "true", "true", "boolean"},
      {-3, "-3", "-3", "integer"},
      {2.0, "2.0", "2.0", "number"},
      {0.01, "0.01", "0.01", "number"},
      {"word", "word", "\"word\"", "text"},
      {"two words", "\"two words\"", "\"two words\"", "text"},
      {"", "\"\"", "\"\"", "text"},
      {std::vector<int64_t>{1, 2}, "[1,2]", "[1,2]", "list of integers"},
      {std::vector<double>{1, 0.5}, "[1.0,0.5]", "[1.0,0.5]", "list of numbers"}};
  for (const auto& [value, text, literal, kind] : cases) {
    CHECK(value.text() == text);
    CHECK(value.literal() == literal);
    CHECK(std::string(value.kind()) == kind);
    CHECK(value_from(nlohmann::json::parse(literal)) == value);
  }
}

TEST_CASE("values of different types differ") {
  CHECK_FALSE(Value(1) == Value(1.0));
  CHECK_FALSE(Value(1) == Value(true));
  CHECK_FALSE(Value() == Value(""));
  CHECK(Value("a") == Value(std::string("a")));
}

TEST_CASE("what no parameter can hold is no value") {
  for (const char* json : {"{\"a\": 1}", "[\"a\"]", "[1, null]", "[[1]]"}) {
    INFO(json);
    CHECK_FALSE(value_from(nlohmann::json::parse(json)));
  }
  // Beyond int64: a number, not a wrapped integer.
  CHECK(value_from(nlohmann::json::parse("18446744073709551615")) == Value(18446744073709551615.0));
  CHECK(json_of(Value("\xff")).is_string());
  CHECK(Value("\xff").literal() == "\"\xEF\xBF\xBD\"");
}
