// SPDX-License-Identifier: Apache-2.0
// What authors of methods type: new, validate, dev, compare.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "program.hpp"

namespace fs = std::filesystem;
using Catch::Contains;
using namespace kvhost::test;
using nlohmann::json;

namespace {

Outcome run(const Scratch& scratch, const std::vector<std::string>& words) {
  return run_program(words, scratch.folder(), {{"XDG_CACHE_HOME", (scratch.folder() / "cache").string()}});
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
  const Outcome rust = run(scratch, {"new", "press", "my_press", "--lang", "rust", "--license", "MIT"});
  CHECK(rust.exit_code == 0);
  CHECK_THAT(rust.err, Contains("next: cd my_press && cargo build --release && cargo test --release"));
  for (const char* file : {"Cargo.toml", "src/lib.rs", "src/tests.rs", "src/kvhost/abi.rs", "tests/model.rs", "LICENSE"})
    CHECK(fs::exists(scratch.folder() / "my_press" / file));
  check_refused(run(scratch, {"new", "scorer", "match", "--lang", "rust"}), 2, "a word that CMake or Rust takes");
  check_refused(run(scratch, {"new", "press", "other", "--lang", "zig"}), 2, "expected one of cpp, c, rust for a press");
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

TEST_CASE("what is drawn by chance is told with its seed, and the level is remembered") {
  const Scratch scratch;
  const std::map<std::string, std::string> cache = {{"XDG_CACHE_HOME", (scratch.folder() / "cache").string()}};
  const auto here = [&](const std::vector<std::string>& words) { return run_program(words, scratch.folder(), cache); };
  const Outcome found = here({"validate", zoo("zoo_seven"), "--without-model", "--fuzz", "300", "--json", "-"});
  CHECK(found.exit_code == 1);
  const json method = json::parse(found.out).at("methods").at(0);
  CHECK(method.at("level") == "shares");
  CHECK(method.at("failed") == true);
  CHECK(method.at("fuzz").at("n") > 1);
  const json& finding = method.at("fuzz").at("findings").at(0);
  CHECK_THAT(finding.at("what").get<std::string>(), Contains("n=7"));
  const std::string seed = std::to_string(finding.at("seed").get<uint64_t>());
  CHECK(finding.at("repeat") == "kvhost validate " + zoo("zoo_seven") + " --method zoo_seven --only fuzz --fuzz 1 --seed " + seed);
  const Outcome again = here({"validate", zoo("zoo_seven"), "--method", "zoo_seven", "--only", "fuzz", "--fuzz", "1", "--seed", seed});
  CHECK(again.exit_code == 1);
  CHECK_THAT(again.out, Contains("FAIL  fuzz: zoo_seven(n=7)") && Contains("1 cases, 0 of them refused"));

  const Outcome list = here({"list", "--plugin-path", KVHOST_TEST_ZOO});
  CHECK_THAT(list.out, Contains("A member of the plugin zoo <shares>") && Contains("the level that `kvhost validate` reached"));
  const Outcome info = here({"info", "zoo_seven", "--plugin-path", KVHOST_TEST_ZOO, "--json", "-"});
  CHECK(json::parse(info.out).at("level") == "shares");
  CHECK(json::parse(here({"info", "zoo_good", "--plugin-path", KVHOST_TEST_ZOO, "--json", "-"}).out).at("level").is_null());

  check_refused(here({"validate", zoo("zoo_seven"), "--method", "seven"}), 2, "--method: found 'seven'; expected zoo_seven");
  check_refused(here({"validate", zoo("zoo_seven"), "--only", "fuzz"}), 2, "--only: found 'fuzz' without --fuzz");
}

TEST_CASE("with --safe there are no methods but those that came along, in whatever command") {
  const Scratch scratch;
  const std::map<std::string, std::string> around = {{"KVHOST_PLUGIN_PATH", KVHOST_TEST_ZOO}};
  const auto here = [&](const std::vector<std::string>& words) { return run_program(words, scratch.folder(), around); };
  CHECK_THAT(here({"list"}).out, Contains("zoo_good"));
  const Outcome safe = here({"list", "--safe"});
  CHECK(safe.exit_code == 0);
  CHECK_THAT(safe.out, Contains("snapkv") && !Contains("zoo_"));
  const std::vector<std::string> prompt = {"run", "--model", kTiny, "-p", "One two three", "-n", "1", "--min-entries", "0"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), prompt.begin(), prompt.end());
    return here(more);
  };
  CHECK(with({"--press", "zoo_good"}).exit_code == 0);
  check_refused(with({"--press", "zoo_good", "--safe"}), 2, "no method named 'zoo_good'");
  CHECK(with({"--press", "knorm", "--safe"}).exit_code == 0);
  const std::string conflict = "--safe: found plugins of " KVHOST_TEST_ZOO "; expected none";
  check_refused(with({"--press", "knorm", "--plugin-path", KVHOST_TEST_ZOO, "--safe"}), 2, conflict);
  check_refused(here({"validate", zoo("zoo_good"), "--safe"}), 2, conflict);
  check_refused(here({"doctor", "--plugin-path", KVHOST_TEST_ZOO, "--safe"}), 2, conflict);
  const Outcome by_environment =
      run_program({"list"}, scratch.folder(), {{"KVHOST_PLUGIN_PATH", KVHOST_TEST_ZOO}, {"KVHOST_SAFE", "1"}});
  CHECK_THAT(by_environment.out, Contains("snapkv") && !Contains("zoo_"));
}

TEST_CASE("index describes a library and checks what it wrote") {
  const Scratch scratch;
  const std::string commit(40, 'c');
  const std::vector<std::string> words = {"index", "new", zoo("zoo_good"), "--source", "https://example.org/zoo",
                                          "--commit", commit, "--build", "make", "--into", "list", "--fuzz", "20"};
  const Outcome made = run(scratch, words);
  INFO(made.out << made.err);
  CHECK(made.exit_code == 0);
  CHECK_THAT(made.out, Contains("zoo_good, runs, 0 wrong in 20 cases"));
  const Outcome clean = run(scratch, {"index", "check", "list"});
  INFO(clean.out << clean.err);
  CHECK(clean.exit_code == 0);
  CHECK_THAT(clean.out, Contains("1 descriptions, 0 faults, 0 libraries checked again"));
  fs::path file;
  for (const auto& one : fs::directory_iterator(scratch.folder() / "list" / "plugins")) file = one.path();
  std::ifstream in(file);
  json entry = json::parse(in);
  CHECK(entry.at("measured").at("kl") >= 0);
  CHECK(entry.at("validated").at("level") == "runs");
  entry["commit"] = "main";
  std::ofstream(file, std::ios::trunc) << entry.dump();
  const Outcome bad = run(scratch, {"index", "check", "list", "--json", "-"});
  CHECK(bad.exit_code == 1);
  CHECK(json::parse(bad.out).at("problems").at(0).at("where") == "/commit");
  check_refused(run(scratch, {"index", "new", zoo("zoo_good")}), 2, "--source: is not given; expected it");
  check_refused(run(scratch, {"index", "chek", "list"}), 2, "found 'chek'; expected new LIB, or check FOLDER");
}

TEST_CASE("kvpress beside a plugin needs a Python that has it, and says so") {
  const Scratch scratch;
  const std::vector<std::string> words = {"compare", zoo("zoo_good"), "--model", kTiny, "-p", "One two three four five",
                                          "--kvpress", "KnormPress"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), words.begin(), words.end());
    return run(scratch, more);
  };
  check_refused(with({}), 2, "expected a Python with kvpress: --python FILE, or KVHOST_ORACLE_VENV, or .venv-oracle here");
  check_refused(with({"--python", "nothing"}), 2, "--python: found no program 'nothing'");
  check_refused(with({"--python", "/bin/false"}), 4, "--kvpress: /bin/false failed without words");
  check_refused(with({"--press", "knorm"}), 2, "--kvpress: given beside --press");
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
