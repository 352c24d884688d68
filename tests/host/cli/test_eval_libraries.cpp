// SPDX-License-Identifier: Apache-2.0
// Results know the libraries that they came from, and a library of other bytes is measured anew.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "results/store.hpp"

namespace fs = std::filesystem;
using Catch::Contains;
using Catch::Matchers::StartsWith;
using namespace kvhost::test;
using kvhost::results::Access;
using kvhost::results::Store;

namespace {

constexpr const char* kSuite = R"({
  "arms": ["knorm", "zoo_good"], "budgets": [0.5],
  "tasks": [{"kind": "likelihood", "name": "text", "files": "alice.txt", "segments": 2,
             "context": 64, "scored": 8}]
})";

Outcome eval(const Scratch& scratch) {
  return run_program({"eval", "s.json", "--model", KVHOST_SOURCE_DIR "/models/tiny", "--plugin-path",
                      "plugins", "--db", "r.db"},
                     scratch.folder());
}

}  // namespace

TEST_CASE("eval: a method whose library was built anew is measured anew, built-in ones are not") {
  const Scratch scratch;
  scratch.write("s.json", kSuite);
  fs::create_symlink(KVHOST_SOURCE_DIR "/examples/suites/texts/alice.txt",
                     scratch.folder() / "alice.txt");
  fs::create_directory(scratch.folder() / "plugins");
  const fs::path library = scratch.folder() / "plugins/libzoo_good.so";
  fs::copy_file(fs::path(KVHOST_TEST_ZOO) / "libzoo_good.so", library);
  CHECK_THAT(eval(scratch).err, Contains("6 cells, 6 to measure"));
  CHECK_THAT(eval(scratch).err, Contains("6 cells, 0 to measure"));
  std::ofstream(library, std::ios::app | std::ios::binary) << "x";
  CHECK_THAT(eval(scratch).err, Contains("6 cells, 2 to measure"));

  for (const auto& done : Store(scratch.folder() / "r.db", Access::Read).cells()) {
    const auto plugins = nlohmann::json::parse(done.cell.plugins);
    INFO(done.cell.composition << ": " << done.cell.plugins);
    if (done.cell.arm == "full") {
      CHECK(plugins.empty());
      continue;
    }
    REQUIRE(plugins.size() >= 1);
    CHECK(plugins.back()["method"] == done.cell.arm);
    CHECK(plugins.back()["sha256"].get<std::string>().size() == 64);
    if (done.cell.arm == "knorm")
      CHECK(done.cell.composition == "knorm");
    else
      CHECK_THAT(done.cell.composition, StartsWith("zoo_good [libraries "));
  }
}
