// SPDX-License-Identifier: Apache-2.0
// The program as a whole, against a hub of our own.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fake_hub.hpp"
#include "program.hpp"

namespace kvhost::test {

namespace {

using Environment = std::map<std::string, std::string>;

Environment environment_of(const FakeHub& hub, const Scratch& home) {
  return {{"HF_ENDPOINT", hub.server.url()},
          {"HOME", home.folder()},
          {"HF_HUB_CACHE", home.folder() / "hub"},
          {"KVHOST_MODELS", home.folder() / "models"},
          {"HF_HUB_OFFLINE", "0"},
          {"HF_TOKEN", "hf_test"},
          {"no_proxy", "127.0.0.1"}};
}

}  // namespace

TEST_CASE("the program fetches a model, and only when it is asked to") {
  FakeHub hub;
  const Scratch home;
  const Environment environment = environment_of(hub, home);
  const Outcome unasked = run_program({"--model", "org/m", "-p", "a"}, home.folder(), environment);
  CHECK(unasked.exit_code == 3);
  CHECK_THAT(unasked.err, Catch::Contains("get it with: kvhost fetch org/m"));
  const Outcome named = run_program({"--model", "smollm2", "-p", "a"}, home.folder(), environment);
  CHECK_THAT(named.err, Catch::Contains("Apache-2.0) with: kvhost fetch smollm2"));
  CHECK(hub.server.asked().empty());

  const Outcome fetched = run_program({"fetch", "org/m"}, home.folder(), environment);
  INFO(fetched.err);
  CHECK(fetched.exit_code == 0);
  CHECK_THAT(fetched.out,
             Catch::Contains("model.safetensors") && Catch::Contains("sha256 checked") &&
                 Catch::Contains("next: kvhost chat --model org/m"));
  CHECK(hub.server.asked().front().field("authorization") == "Bearer hf_test");

  hub.server.forget();
  const Outcome again = run_program({"fetch", "org/m", "--json", "-"}, home.folder(), environment);
  CHECK(again.exit_code == 0);
  CHECK(hub.server.asked().empty());
  const auto json = nlohmann::json::parse(again.out);
  CHECK(json.at("commit") == FakeHub::kCommit);
  CHECK(json.at("network") == false);
  CHECK(json.at("files").size() == 4);
  const Outcome run = run_program({"--model", "org/m", "-p", "a"}, home.folder(), environment);
  CHECK_THAT(run.err, Catch::Contains(FakeHub::kCommit));  // found, though no real model
}

TEST_CASE("wrong requests to fetch are one line") {
  FakeHub hub;
  const Scratch home;
  const auto says = [&](const std::vector<std::string>& args, int code) {
    const Outcome outcome = run_program(args, home.folder(), environment_of(hub, home));
    CHECK(outcome.exit_code == code);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    return outcome.err;
  };
  CHECK_THAT(says({"fetch"}, 2), Catch::Contains("no name; expected a hub id ORG/NAME or smollm2"));
  CHECK_THAT(says({"fetch", "smolm2"}, 2), Catch::Contains("did you mean 'smollm2'?"));
  CHECK_THAT(says({"fetch", "smollm2", "--file", "x"}, 2), Catch::Contains("--file: found with"));
  CHECK_THAT(says({"fetch", "org/n"}, 3), Catch::Contains("answers 404; expected a model"));
  CHECK(hub.server.asked().size() == 1);
}

TEST_CASE("a disk that is full is one line, and what came stays for the next run") {
  FakeHub hub;
  const Scratch home;
  for (const auto& [name, value] : environment_of(hub, home))
    setenv(name.c_str(), value.c_str(), 1);
  const Outcome full = run_bash("ulimit -f 100; $KVHOST fetch org/m", home.folder());
  CHECK(full.exit_code == 4);
  CHECK_THAT(full.err,
             Catch::Contains("cannot be written: File too large; expected room for ") &&
                 Catch::Contains("what came is kept"));
  const auto files = home.files();
  CHECK(std::any_of(files.begin(), files.end(), [](const std::string& name) {
    return name.ends_with(".incomplete");
  }));
  CHECK(run_bash("$KVHOST fetch org/m", home.folder()).exit_code == 0);
  CHECK(hub.server.asked().back().field("range") == "bytes=102400-");
}

}  // namespace kvhost::test
