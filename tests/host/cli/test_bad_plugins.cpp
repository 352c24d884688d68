// SPDX-License-Identifier: Apache-2.0
// A method that throws, hangs or crashes while it scores ends the run with one line that names it,
// and leaves no file.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "program.hpp"

namespace kvhost::test {

namespace {

Outcome run_with(const std::string& method,
                 const std::map<std::string, std::string>& environment = {}) {
  const Scratch scratch;
  const auto outcome = run_program({"run",
                                    "--plugin-path",
                                    KVHOST_TEST_ZOO,
                                    "--press",
                                    method,
                                    "-p",
                                    "Once upon a time",
                                    "-n",
                                    "1",
                                    "--json",
                                    "report.json"},
                                   scratch.folder(),
                                   environment);
  CHECK(outcome.exit_code == 4);
  CHECK(scratch.files().empty());
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  return outcome;
}

}  // namespace

TEST_CASE("a throwing method is named") {
  CHECK_THAT(run_with("zoo_throw").err,
             Catch::Matchers::StartsWith("kvhost: error: zoo_throw, layer 0: "));
}

TEST_CASE("a crashing method is named") {
  const Outcome outcome = run_with("zoo_crash");
  CHECK_THAT(outcome.err,
             Catch::Matchers::StartsWith("kvhost: error: zoo_crash, layer 0: crashed with SIG"));
}

TEST_CASE("a hanging method is named when its time is over") {
  const Outcome outcome = run_with("zoo_hang", {{"KVHOST_PLUGIN_DEADLINE", "1"}});
  CHECK_THAT(
      outcome.err,
      Catch::Matchers::StartsWith("kvhost: error: zoo_hang, layer 0: did not return in time"));
}

TEST_CASE("a library that was altered after its manifest was made runs, and the run says so") {
  namespace fs = std::filesystem;
  const Scratch scratch;
  const fs::path library = scratch.folder() / "plugins" / "libzoo_good.so";
  fs::create_directory(library.parent_path());
  for (const char* file : {"libzoo_good.so", "libzoo_good.kvh.json"})
    fs::copy_file(fs::path(KVHOST_TEST_ZOO) / file, library.parent_path() / file);
  const auto run = [&](const std::vector<std::string>& args) {
    std::vector<std::string> all = {args[0], "--plugin-path", "plugins"};
    all.insert(all.end(), args.begin() + 1, args.end());
    return run_program(all, scratch.folder());
  };
  const std::vector<std::string> task = {
      "run", "--press", "zoo_good", "-p", "Once upon a time", "-n", "1"};
  const std::string said = library.string() + ": was altered after its manifest was made (SHA-256 ";
  CHECK_THAT(run(task).out, !Catch::Matchers::Contains("was altered"));

  std::ofstream(library, std::ios::app | std::ios::binary) << "x";
  const Outcome altered = run(task);
  CHECK(altered.exit_code == 0);
  CHECK_THAT(altered.out, Catch::Matchers::Contains("  warning  " + said));
  CHECK_THAT(run({"list", "--failed"}).out,
             Catch::Matchers::Contains(library.string() + "\n  was altered after its manifest"));

  std::ofstream(library, std::ios::trunc | std::ios::binary) << "no library any more";
  const Outcome broken = run(task);
  CHECK(broken.exit_code == 3);
  CHECK_THAT(broken.err,
             Catch::Matchers::StartsWith("kvhost: error: --press, column 1: the method 'zoo_good' "
                                         "cannot be used: " +
                                         library.string()) &&
                 Catch::Matchers::Contains("; it was altered after its manifest was made"));
  CHECK(std::count(broken.err.begin(), broken.err.end(), '\n') == 1);
}

TEST_CASE("a plugin does not take a built-in's name unless it is asked to") {
  namespace fs = std::filesystem;
  const Scratch scratch;
  const fs::path library = scratch.folder() / "plugins" / "libmine.so";
  fs::create_directory(library.parent_path());
  fs::copy_file(fs::path(KVHOST_TEST_ZOO) / "libzoo_good.so", library);
  std::ifstream original(fs::path(KVHOST_TEST_ZOO) / "libzoo_good.kvh.json");
  nlohmann::json manifest = nlohmann::json::parse(original);
  manifest["methods"][0]["name"] = "knorm";
  std::ofstream(library.parent_path() / "libmine.kvh.json") << manifest;
  const auto run = [&](std::vector<std::string> flags) {
    std::vector<std::string> args = {"run", "--model", "tiny", "--plugin-path", "plugins"};
    flags.insert(flags.end(), {"--press", "knorm", "-p", "Once upon a time", "-n", "1"});
    flags.insert(flags.end(), {"--json", "-"});
    args.insert(args.end(), flags.begin(), flags.end());
    return run_program(args, scratch.folder());
  };
  const Outcome built_in = run({});
  REQUIRE(built_in.exit_code == 0);
  const nlohmann::json report = nlohmann::json::parse(built_in.out);
  REQUIRE(report["plugins"].size() == 1);
  const nlohmann::json& used = report["plugins"][0];
  CHECK(used["method"] == "knorm");
  CHECK_THAT(used["library"], Catch::Matchers::EndsWith("lib/kvhost/plugins/1/libknorm.so"));
  CHECK(used["sha256"].get<std::string>().size() == 64);
  const std::string warning = report["warnings"][0];
  CHECK_THAT(warning,
             Catch::Matchers::Contains("libknorm.so: brings 'knorm', and so does ") &&
                 Catch::Matchers::Contains(library.string()));
  CHECK_THAT(run_program({"list", "--failed", "--plugin-path", "plugins"}, scratch.folder()).out,
             Catch::Matchers::Contains("'knorm' is hidden by "));
  // Taken, it does not say what its manifest says.
  check_refused(run({"--prefer-plugins"}), 3, "method 'knorm' differs from its manifest at /name");
}

TEST_CASE("a misbehaving library beside good ones leaves the listing whole") {
  const Scratch scratch;
  const auto outcome =
      run_program({"list", "--plugin-path", KVHOST_TEST_HOSTILE}, scratch.folder());
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Catch::Matchers::Contains("knorm"));
  const auto failed =
      run_program({"list", "--failed", "--plugin-path", KVHOST_TEST_HOSTILE}, scratch.folder());
  CHECK_THAT(
      failed.out,
      Catch::Matchers::Contains("did not answer within") && Catch::Matchers::Contains("SIG"));
}

}  // namespace kvhost::test
