// SPDX-License-Identifier: Apache-2.0
// A file that a method learned of one model, given with another one of the same shape.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "program.hpp"

using namespace kvhost::test;

namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The bundled tiny model, one number of it a little larger: other weights of the same shape.
void write_other_model(const Scratch& scratch) {
  fs::copy(KVHOST_SOURCE_DIR "/models/tiny", scratch.folder() / "other");
  std::string weights = bytes_of(scratch.folder() / "other/model.safetensors");
  weights[weights.size() - 2] ^= 1;  // bfloat16: the last bit of the last number's fraction
  scratch.write("other/model.safetensors", weights);
}

Outcome calibrate(const Scratch& scratch, const std::string& method) {
  return run_program({"calibrate",
                      method,
                      "--model",
                      KVHOST_SOURCE_DIR "/models/tiny",
                      "--data",
                      KVHOST_SOURCE_DIR "/examples/suites/texts/alice.txt",
                      "--text-tokens",
                      "200",
                      "--max-texts",
                      "3",
                      "-o",
                      "learned.safetensors"},
                     scratch.folder());
}

Outcome run_with(const Scratch& scratch, const std::string& model, const std::string& method) {
  return run_program({"run",
                      "--model",
                      model,
                      "--press",
                      method + "(file=learned.safetensors)",
                      "--keep-ratio",
                      "0.5",
                      "-p",
                      "Alice was beginning to get very tired",
                      "-n",
                      "4",
                      "--quiet"},
                     scratch.folder());
}

}  // namespace

TEST_CASE("a learned file serves the model it was made for, and is refused with another one") {
  const Scratch scratch;
  write_other_model(scratch);
  for (const std::string method : {"qfilter", "triattention"}) {
    INFO(method);
    const Outcome made = calibrate(scratch, method);
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
    const Outcome own = run_with(scratch, KVHOST_SOURCE_DIR "/models/tiny", method);
    INFO(own.err);
    CHECK(own.exit_code == 0);
    const Outcome refused = run_with(scratch, "other", method);
    check_refused(refused, 3, "learned.safetensors: was made for another model, of hash '");
    CHECK_THAT(refused.err,
               Catch::Contains("expected one made for ") &&
                   Catch::Contains("`kvhost calibrate " + method + "` makes it"));
    fs::remove(scratch.folder() / "learned.safetensors");
  }
}
