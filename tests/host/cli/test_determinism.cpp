// SPDX-License-Identifier: Apache-2.0
// docs/contract.md, "The same again": 20 runs, at any number of threads, give the same tokens and
// keep the same positions.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "program.hpp"

using namespace kvhost::test;

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What was generated, sampled, and which positions every head kept.
std::string outcome_of(const std::string& dtype, const std::string& press, int n_threads) {
  const Scratch scratch;
  const Outcome run = run_program(
      {"run", "--model", KVHOST_SOURCE_DIR "/models/tiny", "--dtype", dtype, "--press", press,
       "--decode-press", "snapkv", "--decode-every", "16", "--decode-budget", "40", "--threads",
       std::to_string(n_threads), "-f", KVHOST_SOURCE_DIR "/examples/suites/texts/alice.txt",
       "--max-prompt-tokens", "300", "--keep-ratio", "0.3", "--min-entries", "0", "-n", "40",
       "--temperature", "0.9", "--seed", "5", "--quiet", "--dump-keep", "kept.json"},
      scratch.folder());
  INFO(run.err);
  REQUIRE(run.exit_code == 0);
  return run.out + text_of(scratch.folder() / "kept.json");
}

}  // namespace

TEST_CASE("20 runs at one to five threads give the same tokens and kept positions") {
  const auto check = [](const std::string& dtype, const std::string& press, int n_runs) {
    INFO(dtype << ' ' << press);
    const std::string first = outcome_of(dtype, press, 1);
    CHECK(first.size() > 1000);
    for (int run = 1; run < n_runs; ++run) CHECK(outcome_of(dtype, press, 1 + run % 5) == first);
  };
  check("bfloat16", "adakv:snapkv", 20);
  for (const std::string press :
       {"rankkv(profile=none):adakv:snapkv", "kvzip", "random", "pyramidkv:expected_attention"}) {
    check("bfloat16", press, 5);
    check("float32", press, 5);
  }
}

TEST_CASE("another seed samples other tokens, so that the comparison above can fail") {
  const auto sampled = [](const std::string& seed) {
    const Scratch scratch;
    return run_program({"run", "--model", KVHOST_SOURCE_DIR "/models/tiny", "-p", "Alice was",
                        "-n", "40", "--temperature", "0.9", "--seed", seed, "--quiet"},
                       scratch.folder())
        .out;
  };
  CHECK(sampled("5") == sampled("5"));
  CHECK(sampled("5") != sampled("6"));
}
