// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "spec/spec.hpp"

using kvhost::parse_spec_json;
using kvhost::parse_spec_text;

namespace {

std::string refusal(const std::string& text) {
  try {
    parse_spec_text(text, "--press");
  } catch (const kvhost::Error& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("text nests, takes parameters and groups") {
  const auto specs =
      parse_spec_text("a(x=1, y = -2.5e-1 ,z=[1, 2], w='two words', v=none):b-c : d", "--press");
  REQUIRE(specs.size() == 1);
  const auto& a = specs[0];
  CHECK(a.name == "a");
  REQUIRE(a.params.size() == 5);
  CHECK(a.params[0].value == 1);
  CHECK(a.params[1].value == -0.25);
  CHECK(a.params[2].value == std::vector<int64_t>{1, 2});
  CHECK(a.params[3].value == "two words");
  CHECK(a.params[4].value.is_null());
  REQUIRE(a.inner.size() == 1);
  CHECK(a.inner[0].name == "b-c");
  CHECK(a.inner[0].inner[0].name == "d");

  const auto grouped = parse_spec_text("a:(b+c)", "--press");
  REQUIRE(grouped.size() == 1);
  CHECK(grouped[0].inner.size() == 2);
  CHECK(parse_spec_text("a:b+c", "--press").size() == 2);  // ':' binds tighter
}

TEST_CASE("a bare value is a number where JSON would read one, and a word elsewhere") {
  const auto value = [](const std::string& bare) {
    return parse_spec_text("a(x=" + bare + ")", "--press")[0].params[0].value;
  };
  for (const auto& [bare, number] : std::vector<std::pair<std::string, kvhost::registry::Value>>{
           {"0", 0},
           {"-12", -12},
           {"9223372036854775807", INT64_MAX},
           {"9223372036854775808", 9223372036854775808.0},
           {".5", 0.5},
           {"1e3", 1000.0},
           {"2.50E-1", 0.25},
           {"-0.0", -0.0},
           {"true", true},
           {"False", false}}) {
    INFO(bare);
    CHECK(value(bare) == number);
  }
  for (const char* word :
       {"007", "+1", "1.", "-.5", "1e", "0x10", "1 2", "1e999", "infinity", "nan", "TRUE", "-"}) {
    INFO(word);
    CHECK(value(word) == word);
  }
}

TEST_CASE("a refusal of text names the column") {
  CHECK(refusal("") == "--press, column 1: is empty; expected a method name");
  CHECK(refusal("snapkv:") == "--press, column 8: found the end; expected a method name");
  CHECK(refusal("snapkv(window_size=8") == "--press, column 21: found the end; expected ')'");
  CHECK(refusal("snapkv(=8)") == "--press, column 8: found '='; expected a parameter name");
  CHECK(refusal("snapkv)") == "--press, column 7: found ')'; expected ':', '+' or the end");
  CHECK(refusal("a(x=)") == "--press, column 5: found ')'; expected a value");
  CHECK(refusal("a(x=[1, b])") == "--press, column 9: found 'b' in a list; expected a number");
  CHECK(refusal("a(x=[1,])") == "--press, column 8: found ']'; expected a value");
  CHECK(refusal("a(x='b)") == "--press, column 8: found the end; expected a closing '");
}

TEST_CASE("methods and parentheses stand inside one another up to a depth that is stated") {
  const auto refused = [](const std::string& text) {
    try {
      (void)parse_spec_text(text, "--press");
      return std::string("read");
    } catch (const kvhost::Error& e) {
      return std::string(e.what());
    }
  };
  const auto times = [](size_t n, const std::string& text) {
    std::string out;
    for (size_t i = 0; i < n; ++i) out += text;
    return out;
  };
  CHECK(refused(times(99, "block:") + "knorm") == "read");
  CHECK(refused(times(99, "(") + "a" + times(99, ")")) == "read");
  for (const auto& text : {times(100, "block:") + "knorm", times(13'000, "(") + "a"})
    CHECK_THAT(refused(text), Catch::Contains("found more than 100 levels; expected at most"));
}

TEST_CASE("JSON says the same as text and its refusals name the pointer") {
  const auto json =
      R"({"press": "a", "params": {"x": 1, "y": [1, 2.5]}, "inner": [{"press": "b"}, {"press": "c"}]})";
  const auto specs = parse_spec_json(json, "run.json", "/press");
  REQUIRE(specs.size() == 1);
  CHECK(specs[0].params[0].where == "run.json /press/params/x");
  CHECK(specs[0].params[1].value == std::vector<double>{1, 2.5});
  CHECK(specs[0].inner[1].name == "c");

  const auto refuse = [](const char* text) {
    try {
      parse_spec_json(text, "run.json", "");
    } catch (const kvhost::Error& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  CHECK(
      refuse(R"({"pres": "a"})") ==
      "run.json /pres: unknown key 'pres'; expected press, params or inner; did you mean 'press'?");
  CHECK(refuse(R"({"press": 3})") ==
        "run.json /press: found number; expected the name of a method");
  CHECK(
      refuse(R"({"press": "a", "inner": 3})") ==
      "run.json /inner: found number; expected {\"press\": name, ...} or an array of such objects");
  CHECK(refuse(R"({"press": "a", "inner": []})") ==
        "run.json /inner: found an empty array; expected {\"press\": name, ...} or an array of "
        "such objects");
  CHECK(
      refuse(R"({"press": "a", "params": {"x": {}}})") ==
      "run.json /params/x: found object; expected a number, a text, true, false, null or a list of numbers");
  CHECK(refuse(R"({"press": "a", "params": {"x": [1, "b"]}})") ==
        "run.json /params/x/1: found string; expected a number");
  CHECK_THAT(refuse("{\"press\":"),
             Catch::StartsWith("run.json /: not valid JSON at line 1, column ") &&
                 Catch::Contains("unexpected end of input; expected"));
}
