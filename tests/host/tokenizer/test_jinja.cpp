// SPDX-License-Identifier: Apache-2.0
// The language against what jinja2 made of the same templates
// (tests/oracle/chat_template_jinja.py), and the bounds that jinja2 has not.
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/json_file.hpp"
#include "golden_chat.hpp"

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

const ordered_json& golden_file() {
  static const ordered_json all = ordered_json::parse(kvhost::read_file(
      std::filesystem::path(KVHOST_TEST_DATA) / "golden/chat_templates/jinja.json",
      kvhost::ExitCode::CannotLoad));
  return all;
}

json render(const std::string& source, const ordered_json& variables = ordered_json::object()) {
  return golden::render_jinja({{"jinja", source}, {"variables", variables}});
}

std::string error_of(const std::string& source) {
  const json answer = render(source);
  INFO(source.substr(0, 200) << " gave " << answer.dump().substr(0, 200));
  REQUIRE(answer.contains("error"));
  return answer["error"];
}

std::string repeated(const std::string& part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

// `next` is made of ns.x, `times` times.
std::string grown(const std::string& first, const std::string& next, int times) {
  return "{% set ns = namespace(x=" + first + ") %}{% for i in range(" + std::to_string(times) +
         ") %}{% set ns.x = " + next + " %}{% endfor %}";
}

}  // namespace

TEST_CASE("every part of the language renders as jinja2 does it") {
  const ordered_json& all = golden_file();
  REQUIRE(all["cases"].size() > 400);
  for (const auto& c : all["cases"]) {
    const json answer = render(c["jinja"], all["variables"]);
    INFO(c["jinja"].get<std::string>()
         << "\ngave " << answer.dump() << "\nregenerate with " << all["made_by"]);
    CHECK(c.contains("text") == answer.contains("text"));
    if (c.contains("text") && answer.contains("text"))
      CHECK(c["text"].get<std::string>() == answer["text"].get<std::string>());
    if (c.contains("line"))
      CHECK(answer["where"] == "template, line " + std::to_string(c["line"].get<int>()));
    if (c.value("raised", false)) CHECK(c["error"] == answer["error"]);
  }
}

TEST_CASE("what uses an undefined value is named as jinja2 names it") {
  for (const char* source : {"{{ undef.x }}",
                             "{{ d.x.y }}",
                             "{{ d['x']['y'] }}",
                             "{{ l[9].y }}",
                             "{{ undef + 1 }}",
                             "{{ undef() }}",
                             "{{ l.append(4) }}",
                             "{{ 1 + 'a' }}",
                             "{{ 'a' < 1 }}"}) {
    const auto& cases = golden_file()["cases"];
    const auto found = std::find_if(
        cases.begin(), cases.end(), [source](const auto& c) { return c["jinja"] == source; });
    REQUIRE(found != cases.end());
    CHECK((*found)["error"] == render(source, golden_file()["variables"])["error"]);
  }
}

TEST_CASE("errors name the line") {
  CHECK(render("a\n{{ 1 }}\n{{ x.y }}")["where"] == "template, line 3");
  CHECK(render("a\n\n{% for %}")["where"] == "template, line 3");
  CHECK(render("{# a\nb #}\n{{ raise_exception('no') }}")["where"] == "template, line 3");
}

TEST_CASE("what is not supported says so") {
  CHECK(error_of("{% include 'x' %}").find("'include' is not supported") != std::string::npos);
  CHECK(error_of("{{ 'a'|urlize }}").find("'urlize' is not supported") != std::string::npos);
  CHECK(error_of("{{ 'a'.encode() }}").find("str.encode() is not supported") != std::string::npos);
  CHECK(error_of("{{ 9223372036854775807 + 1 }}").find("64 bits") != std::string::npos);
  CHECK(error_of("{{ 99999999999999999999 }}").find("64 bits") != std::string::npos);
}

TEST_CASE("hostile templates end with an error") {
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<std::string> sources = {
      "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m(k) %}{{ m(k) }}{{ m(k) }}{% endmacro %}{{ m(1) }}",
      "{{ 'a' * 10000000000 }}",
      "{{ [1] * 10000000000 }}",
      grown("'a'", "ns.x ~ ns.x", 99),
      grown("[1]", "[ns.x, ns.x]", 99),
      grown("1", "[ns.x]", 9999),
      grown("1", "[ns.x].count", 9999),
      "{{ 'a'.center(100000000000) }}",
      "{{ '%0999999999d' % 1 }}",
      "{{ '{:999999999}'.format(1) }}",
      "{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}",
      "{{ ('a\n' * 1000000)|indent(1000000) }}",
      "{{ [1, 2]|tojson(indent=1000000000) }}",
      "{{ range(99999)|join('a' * 100000) }}",
      "{{ 2 ** 99999 }}",
      "{{ -9223372036854775807 - 2 }}",
      "{% set s = 'ab' * 9000000 %}{% for i in range(99999) %}{{ 'c' in s }}{% endfor %}",
      "{{ " + repeated("(", 1000) + "1" + repeated(")", 1000) + " }}",
      "{{ 1" + repeated(" + 1", 10000) + " }}",
      "{{ " + repeated("not ", 10000) + "1 }}",
      "{{ " + repeated("-", 10000) + "1 }}",
      "{{ x" + repeated(".y", 10000) + " }}",
      "{{ x" + repeated("|list", 10000) + " }}",
      repeated("{% if 1 %}", 10000),
      repeated("{% for i in [1] %}", 500) + repeated("{% endfor %}", 500),
      "{% set " + repeated("(", 10000),
      "\xff"};
  for (const std::string& source : sources) CHECK_FALSE(error_of(source).empty());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  CHECK(seconds.count() < 120);  // seconds on an idle machine; far more without bounds
}

TEST_CASE("values that hold themselves are given back") {
  CHECK(render("{% set ns = namespace() %}{% set ns.me = [ns] %}{{ ns.me|length }}")["text"] ==
        "1");
  CHECK(render("{% set ns = namespace(f=1) %}{% for i in range(20000) %}"
               "{% set ns.f = namespace(f=ns.f) %}{% endfor %}ok")["text"] == "ok");
  CHECK(render("{% set ns = namespace() %}{% macro m() %}{{ ns.m is defined }}{% endmacro %}"
               "{% set ns.m = m %}{{ ns.m() }}")["text"] == "True");
}

TEST_CASE("one template renders on several threads") {
  const auto code = kvhost::jinja::Template::parse(
      "{% set ns = namespace(n=0) %}{% for i in range(100) %}{% set ns.n = ns.n + i %}{% endfor %}"
      "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(ns.n) }} {{ [3, 1]|sort }} "
      "{{ strftime_now('%Y') }}",
      "template");
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (std::string& text : texts)
    threads.emplace_back([&code, &text] {
      for (int i = 0; i < 50; ++i) text = code.render({}, golden::frozen_clock);
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts) CHECK(text == "4950 [1, 3] 2026");
}
