// SPDX-License-Identifier: Apache-2.0
// What authors of methods type: new, validate, dev, compare.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "program.hpp"

namespace fs = std::filesystem;
using Catch::Contains;
using namespace kvhost::test;
using nlohmann::json;

namespace {

Outcome run(const Scratch& scratch, const std::vector<std::string>& words) {
  return run_program(words, scratch.folder());
}

std::string zoo(const std::string& name) { return KVHOST_TEST_ZOO "/lib" + name + ".so"; }

const std::string kTiny = std::string(KVHOST_SOURCE_DIR) + "/models/tiny";

}  // namespace

TEST_CASE("new writes a project, tells its files, and never writes over one") {
  const Scratch scratch;
  const Outcome made = run(scratch, {"new", "layer_allocator", "my_layers", "--vendor", "My Lab"});
  CHECK(made.exit_code == 0);
  for (const char* file : {"my_layers.cpp", "test_my_layers.cpp", "CMakeLists.txt", "README.md",
                           "LICENSE", ".github/workflows/ci.yml"}) {
    CHECK(fs::exists(scratch.folder() / "my_layers" / file));
    CHECK_THAT(made.out, Contains(std::string("my_layers/") + file + "\n"));
  }
  check_refused(run(scratch, {"new", "scorer", "my_layers"}), 2, "my_layers: is there already");
}

TEST_CASE("validate tells what fails with a command that does it again, and exits with 1") {
  const Scratch scratch;
  const Outcome good =
      run(scratch, {"validate", zoo("zoo_good"), "--without-model", "--json", "good.json"});
  CHECK(good.exit_code == 0);
  CHECK_THAT(good.out, Contains("PASS  numbers.f32") && Contains("level: shares"));
  const Outcome crash =
      run(scratch, {"validate", zoo("zoo_crash"), "--only", "numbers.f32", "--json", "-"});
  CHECK(crash.exit_code == 1);
  const json report = json::parse(crash.out);
  const json& check = report.at("methods").at(0).at("checks").at(0);
  CHECK(check.at("outcome") == "FAIL");
  CHECK(check.at("reason") == "crashed with SIGSEGV");
  CHECK(check.at("repeat") == "kvhost validate " + zoo("zoo_crash") + " --only numbers.f32");
  check_refused(run(scratch, {"validate", "no.so"}), 2, "no.so: is not there; expected");
}

TEST_CASE("dev checks and times what lies there, once or until it is right") {
  const Scratch scratch;
  for (const char* name : {"zoo_good", "zoo_nan"})  // where no build folder is above them
    fs::copy_file(zoo(name), scratch.folder() / (std::string("lib") + name + ".so"));
  const Outcome good = run(scratch, {"dev", "libzoo_good.so", "--once"});
  INFO(good.out << good.err);
  CHECK(good.exit_code == 0);
  CHECK_THAT(good.out,
             Contains("zoo_good: ") && Contains("a layer of the prompt takes ") && Contains("all well after "));
  const Outcome bad = run(scratch, {"dev", "libzoo_nan.so", "--once", "--only", "numbers.f32"});
  CHECK(bad.exit_code == 1);
  CHECK_THAT(bad.out, Contains("FAIL  numbers.f32: ") && Contains("not yet after "));
  check_refused(run(scratch, {"dev", "no.so", "--once"}), 2, "no.so: is not there; expected");
  check_refused(run(scratch, {"dev", "libzoo_good.so", "--build", ".", "--once"}),
                2,
                "holds no CMakeCache.txt; expected");
}

TEST_CASE("compare finds a method equal to itself and different from another") {
  const Scratch scratch;
  const std::vector<std::string> words = {"compare", zoo("zoo_good"), "--model", kTiny, "--dtype",
                                          "float32", "-p", "One two three four five six seven."};
  const auto beside = [&](const std::string& press) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--press", press, "--json", "-"});
    return run(scratch, all);
  };
  const Outcome same = beside("zoo_good"), other = beside("streaming_llm");
  CHECK(same.exit_code == 0);
  CHECK(json::parse(same.out).at("scores").at("largest_difference") == 0.0);
  CHECK(json::parse(same.out).at("first_difference").is_null());
  CHECK(other.exit_code == 1);
  CHECK(json::parse(other.out).at("first_difference").contains("position"));
}
