// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "program.hpp"

using namespace kvhost::test;

TEST_CASE("serve refuses what it cannot be, in one line") {
  const Scratch scratch;
  const auto refused = [&](std::vector<std::string> flags, int code, const std::string& says) {
    flags.insert(flags.begin(), {"serve", "--port", "0"});
    check_refused(run_program(flags, scratch.folder()), code, says);
  };
  refused({"--host", "0.0.0.0"}, 2, "--host: found '0.0.0.0' without a key");
  refused({"--max-cache", "2 apples"}, 2, "--max-cache: found '2 apples'");
  refused({"--ctx", "5000"}, 2, "--ctx: found 5000; expected at most 4096");
  refused({"--documents", "nowhere"}, 2, "--documents: found 'nowhere'; expected a folder");
  refused({"--press", "snapk"}, 2, "snapk");
  refused({"--model", "/nowhere/at/all"}, 3, "/nowhere/at/all");
  refused({"--name", "a", "--name", "b"}, 2, "--name: found 2 for 1 models");
  refused({"--model", "demo", "--model", "demo"}, 2, "--model: found two models that are called 'demo'");
  refused({"--model", "demo", "--model", "tiny", "--ctx", "2000"}, 2,
          "expected at most 1024, what the model 'tiny' was made for");
  refused({"--host", "192.0.2.1", "--api-key", "k"}, 4, "cannot be had on 192.0.2.1");
}

TEST_CASE("serve says which models it serves") {
  const Scratch scratch;
  const Outcome outcome = run_program(
      {"serve", "--port", "0", "--model", "demo", "--model", "tiny", "--name", "a", "--name", "b"},
      scratch.folder(), {}, /*signal_after_output=*/15);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out.starts_with("kvhost serve: a, b; "));
}

TEST_CASE("serve ends well when it is told to") {
  const Scratch scratch;
  const Outcome outcome =
      run_program({"serve", "--port", "0"}, scratch.folder(), {}, /*signal_after_output=*/15);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out.find("listening on http://127.0.0.1:") != std::string::npos);
  CHECK(outcome.out.ends_with("stopped\n"));
  CHECK(outcome.err.empty());
}
