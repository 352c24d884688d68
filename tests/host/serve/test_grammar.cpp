// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "serve/json_grammar.hpp"
#include "serve/refusal.hpp"
#include "server_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

bool fits(const Grammar& grammar, const std::string& text) {
  GrammarState state(grammar);
  for (const char c : text) {
    if (!state.accepts({&c, 1})) return false;
    state.take({&c, 1});
  }
  return state.complete();
}

const Json kPerson = {{"type", "object"},
                      {"properties",
                       {{"age", {{"type", "integer"}}},
                        {"mood", {{"enum", {"good", "bad"}}}},
                        {"name", {{"type", "string"}}}}},
                      {"required", {"age", "name"}},
                      {"additionalProperties", false}};

}  // namespace

TEST_CASE("any object is JSON and nothing else") {
  const Grammar any = any_object_grammar();
  for (const std::string text :
       {"{}", "{ }", "{\"a\": 1}", "{\"a\":[1, -2.5e3, \"x\\u00e9\\n\", null, {\"b\": true}]}",
        "{\n  \"a\": {\n    \"b\": []\n  }\n}", "{\"\": \"\xc3\xa9\"}"}) {
    INFO(text);
    CHECK(fits(any, text));
    CHECK(Json::accept(text));
  }
  for (const std::string text : {"", "[]", "{", "{a: 1}", "{\"a\" 1}", "{\"a\": 01}", "{\"a\": 1,}",
                                 "{\"a\": \"\n\"}", "{\"a\": tru}", "{} x", "{\"a\": \"\\x\"}"}) {
    INFO(text);
    CHECK_FALSE(fits(any, text));
  }
}

TEST_CASE("a schema's answers fit it and no others do") {
  const Grammar person = schema_grammar(kPerson, "schema");
  CHECK(fits(person, R"({"age": 3, "mood": "bad", "name": "x"})"));
  CHECK(fits(person, R"({"age":-3,"name":""})"));
  for (const std::string text :
       {R"({"name": "x"})", R"({"age": 3.5, "name": "x"})", R"({"age": 3, "mood": "so", "name": "x"})",
        R"({"age": 3, "name": "x", "more": 1})", R"({"age": "3", "name": "x"})", "{}"})
    CHECK_FALSE(fits(person, text));
  const Grammar list = schema_grammar(
      {{"type", "array"}, {"items", {{"type", "boolean"}}}, {"minItems", 2}, {"maxItems", 3}}, "s");
  CHECK(fits(list, "[true, false]"));
  CHECK(fits(list, "[true, false, true]"));
  CHECK_FALSE(fits(list, "[true]"));
  CHECK_FALSE(fits(list, "[true, true, true, true]"));
  const Grammar least = schema_grammar({{"type", "array"}, {"minItems", 2}}, "s");
  CHECK(fits(least, "[1, 2, 3, 4]"));
  CHECK_FALSE(fits(least, "[1]"));
}

TEST_CASE("schemas may name themselves, and alternatives are alternatives") {
  const Json tree = {{"$ref", "#/$defs/node"},
                     {"$defs",
                      {{"node",
                        {{"type", "object"},
                         {"properties",
                          {{"next", {{"anyOf", {{{"$ref", "#/$defs/node"}}, {{"type", "null"}}}}}}}},
                         {"required", {"next"}}}}}}};
  const Grammar grammar = schema_grammar(tree, "s");
  CHECK(fits(grammar, R"({"next": {"next": null}})"));
  CHECK_FALSE(fits(grammar, R"({"next": {"next": 1}})"));
  CHECK(fits(schema_grammar({{"type", {"string", "null"}}}, "s"), "null"));
}

TEST_CASE("what answers cannot be held to is refused with its place") {
  const auto refused = [](const Json& schema, const std::string& says) {
    CHECK_THROWS_WITH(schema_grammar(schema, "s"), Catch::Contains(says));
  };
  refused({{"type", "string"}, {"pattern", "a"}}, "s.pattern: is not among");
  refused({{"type", "thing"}}, "s.type: found the text 'thing'");
  refused({{"type", "object"}, {"properties", {{"a", 3}}}}, "s.properties.a: found 3");
  refused({{"$ref", "#/$defs/x"}}, "s.$ref");
  refused({{"$ref", "#/$defs/a"},
           {"$defs", {{"a", {{"anyOf", {{{"$ref", "#/$defs/a"}}, {{"type", "null"}}}}}}}}},
          "holds itself without end");
  refused({{"type", "array"}, {"maxItems", 1000}}, "s.maxItems: found 1000");
  refused({{"type", Json::array()}}, "s.type: found no type");
  refused({{"$ref", "#/anyOf/99999999999999999999"}, {"anyOf", {true}}}, "s.$ref: found the text");
  Json deep = {{"type", "null"}};
  for (int i = 0; i < 2000; ++i) deep = {{"type", "array"}, {"items", deep}};
  refused(deep, "is nested more than 100 levels deep");
  Json chain = {{"$ref", "#/$defs/0"}, {"$defs", Json::object()}};
  for (int i = 0; i < 2000; ++i)
    chain["$defs"][std::to_string(i)] = {{"type", "array"},
                                         {"items", {{"$ref", "#/$defs/" + std::to_string(i + 1)}}}};
  refused(chain, "is nested more than 100 levels deep");
}

TEST_CASE("a schema that can be read in very many ways takes no longer for it, or is refused") {
  // 2^30 ways to the same null, told apart by nothing.
  const auto both = [](const Json& one) { return Json{{"anyOf", {one, one}}}; };
  const auto next = [](int i) { return Json{{"$ref", "#/$defs/" + std::to_string(i + 1)}}; };
  Json same = {{"$ref", "#/$defs/0"}, {"$defs", Json::object()}};
  for (int i = 0; i < 30; ++i) same["$defs"][std::to_string(i)] = both({{"anyOf", {next(i), true}}});
  same["$defs"]["30"] = {{"type", "null"}};
  CHECK(fits(schema_grammar(same, "s"), "null"));
  // Lists in lists, each of two kinds that begin alike: twice as many ways with every bracket.
  Json lists = {{"$ref", "#/$defs/0"}, {"$defs", Json::object()}};
  for (int i = 0; i < 30; ++i)
    lists["$defs"][std::to_string(i)] = both({{"type", "array"}, {"items", next(i)}});
  lists["$defs"]["30"] = {{"type", "null"}};
  CHECK_THROWS_WITH(fits(schema_grammar(lists, "s"), std::string(30, '[')),
                    Catch::Contains("can be read in more than 5000 ways"));
}

TEST_CASE("an answer that is held to a schema fits it, whatever is drawn") {
  for (int seed = 0; seed < 6; ++seed) {
    const Json out = shared_server().ask(
        "/v1/chat/completions",
        {{"messages", {{{"role", "user"}, {"content", "The man said"}}}},
         {"max_tokens", 200},
         {"temperature", seed == 0 ? 0.0 : 1.5},
         {"seed", seed},
         {"response_format",
          {{"type", "json_schema"},
           {"json_schema",
            {{"name", "person"},
             {"schema",
              {{"type", "object"},
               {"properties",
                {{"age", {{"type", "integer"}}}, {"mood", {{"enum", {"good", "bad"}}}}}},
               {"required", {"age", "mood"}}}}}}}}});
    const auto text = out["choices"][0]["message"]["content"].get<std::string>();
    INFO(text);
    CHECK(out["choices"][0]["finish_reason"] == "stop");
    const Json value = Json::parse(text, nullptr, false);
    REQUIRE(value.is_object());
    CHECK(value["age"].is_number_integer());
    CHECK((value["mood"] == "good" || value["mood"] == "bad"));
  }
}

TEST_CASE("a form that there is none of is refused") {
  check_refused(shared_server().post("/v1/chat/completions",
                                     {{"messages", {{{"role", "user"}, {"content", "x"}}}},
                                      {"response_format", {{"type", "xml"}}}}),
                400, "response_format.type: found 'xml'");
}
