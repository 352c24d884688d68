// SPDX-License-Identifier: Apache-2.0
#include "eval/suite.hpp"
#include "fuzz/fuzz.hpp"
#include "input/config_file.hpp"
#include "input/demo_prompts.hpp"
#include "input/token_file.hpp"

FUZZ_TARGET(run_config, true) {
  kvhost::RunOptions options;
  kvhost::read_config_file(kvhost::fuzz::file("run.json", input), options);
}

FUZZ_TARGET(token_file, true) {
  (void)kvhost::read_token_file(kvhost::fuzz::file("tokens.json", input), /*vocab_size=*/32000);
}

FUZZ_TARGET(demo_prompt, true) {
  std::filesystem::create_directories(kvhost::fuzz::folder() / "prompts");
  kvhost::fuzz::file("prompts/needle.json", input);
  (void)kvhost::load_demo(kvhost::fuzz::folder(), "needle");
}

FUZZ_TARGET(suite, true) {
  kvhost::fuzz::file("text.txt", "A text.");
  (void)kvhost::eval::read_suite(kvhost::fuzz::file("suite.json", input).string(), {}, false);
}
