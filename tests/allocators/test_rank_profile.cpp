// SPDX-License-Identifier: Apache-2.0
// Reading rank profiles, and what is said about bad ones.
#include <catch2/catch.hpp>
#include <kvhost/error.hpp>

#include "rank_profile.hpp"

using kvhost::allocators::parse_rank_profile;
using kvhost::allocators::read_rank_profile;

TEST_CASE("a rank profile is read past keys that only tell where it came from") {
  const std::string text = R"({ "model": {"name": "x \"y\" }", "files": ["]", 1, [true, null]]},
    "schema": 1, "n": -2.5e3, "ranks" : [0.5, 1e-1 ,
    0.25], "note": "" })";
  CHECK(parse_rank_profile(text, "p.json", 3) == std::vector<double>{0.5, 0.1, 0.25});
}

TEST_CASE("a bad rank profile is refused with its path and the reason") {
  const auto check = [](const std::string& text, const std::string& reason) {
    INFO(text);
    CHECK_THROWS_WITH(parse_rank_profile(text, "p.json", 2),
                      Catch::StartsWith("p.json: ") && Catch::Contains(reason));
  };
  check("", "ends too early");
  check("[1, 2]", "expected '{'");
  check(R"({"schema": 1, "ranks": [1, 2)", "ends too early");
  check(R"({"schema": 1, "ranks": [1, x]})", "no number at byte");
  check(R"({"schema": 1, "ranks": [1, 2, 3]})", "3 ranks; the model has 2 layers");
  check(R"({"schema": 1, "ranks": [1, 0]})", "rank 0.000000 of layer 1");
  check(R"({"schema": 1})", "0 ranks");
  check(R"({"schema": 2, "ranks": [1, 2]})", "expected \"schema\": 1");
  check(R"({"note": "abc)", "a string without an end");
  CHECK_THROWS_WITH(read_rank_profile("/nowhere/p.json", 2), Catch::Contains("cannot be read"));
}
