// SPDX-License-Identifier: Apache-2.0
// What is drawn by chance, what is remembered of a library, and the index of plugins.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.hpp"
#include "kit/fuzz.hpp"
#include "kit/index.hpp"
#include "kit/record.hpp"
#include "temp_folder.hpp"

using namespace kvhost;
using Catch::Contains;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

registry::MethodInfo of_zoo(const std::string& name) {
  const auto catalog = registry::Catalog::scan({KVHOST_TEST_ZOO}, /*describe=*/"", /*cache_file=*/"");
  const registry::MethodInfo* found = catalog.find(name);
  if (!found) throw std::runtime_error("the zoo has no " + name);
  return *found;
}

FuzzOptions drawn(int64_t n, uint64_t seed = 1, int64_t deadline_ms = 20000) {
  FuzzOptions options;
  options.n = n;
  options.seed = seed;
  options.deadline = std::chrono::milliseconds(deadline_ms);
  return options;
}

MethodReport report_on(const std::string& method, const std::string& only = "load") {
  ValidateOptions options;
  options.only = only;
  return validate_methods({of_zoo(method)}, options).front();
}

}  // namespace

TEST_CASE("what is drawn by chance finds what no check asks for, and finds it again by its seed") {
  const registry::MethodInfo seven = of_zoo("zoo_seven");
  CHECK_FALSE(validate_methods({seven}, {}).front().failed());
  const FuzzReport found = fuzz_method(seven, drawn(400));
  REQUIRE(!found.findings.empty());
  for (const Finding& finding : found.findings) {
    CHECK_THAT(finding.what, Contains("n=7"));
    CHECK_THAT(finding.reason, Contains("unwritten, or NaN"));
  }
  const FuzzReport again = fuzz_method(seven, drawn(1, found.findings[0].seed));
  REQUIRE(again.findings.size() == 1);
  CHECK(again.findings[0].what == found.findings[0].what);
  CHECK(again.findings[0].reason == found.findings[0].reason);
  CHECK(again.n_run == 1);
}

TEST_CASE("a case that crashes or hangs is a finding, and the next one runs") {
  const FuzzReport crash = fuzz_method(of_zoo("zoo_crash"), drawn(3));
  REQUIRE(crash.findings.size() == 3);
  for (const Finding& finding : crash.findings) CHECK(finding.reason == "crashed with SIGSEGV");
  CHECK(crash.findings[2].seed == 3);
  const FuzzReport hang = fuzz_method(of_zoo("zoo_hang"), drawn(1, 1, 1000));
  REQUIRE(hang.findings.size() == 1);
  CHECK(hang.findings[0].reason == "did not return within 1 s");
  const FuzzReport good = fuzz_method(of_zoo("zoo_good"), drawn(300));
  CHECK(good.findings.empty());
  CHECK(good.n_run == 300);
}

TEST_CASE("no method of this build falls for what is drawn by chance") {
  const char* given = std::getenv("KVHOST_FUZZ_CASES");  // more of them, by hand
  const int64_t n = given ? std::atoll(given) : 30;
  const auto catalog = registry::Catalog::scan({KVHOST_TEST_PLUGINS}, "", "");
  int64_t n_run = 0;
  for (const auto& method : catalog.methods()) {
    // The seventeenth case of this one is a sketch of 4096, a minute of a processor.
    const int64_t cases = method.name == "leverage" ? std::min<int64_t>(n, 16) : n;
    const FuzzReport report = fuzz_method(method, drawn(cases, 1, 120000));
    for (const Finding& finding : report.findings) {
      INFO("seed " << finding.seed << ": " << finding.what << ": " << finding.reason);
      CHECK(false);
    }
    n_run += report.n_run - report.n_refused - report.n_not_asked;
  }
  CHECK(n_run > 20 * n);
}

TEST_CASE("what chance found once in a method of this build stays mended") {
  const auto catalog = registry::Catalog::scan({KVHOST_TEST_PLUGINS}, "", "");
  for (const uint64_t seed : {38, 84, 109}) {  // values of a thousand, no Cholesky factor in float32
    const FuzzReport report = fuzz_method(*catalog.find("cap"), drawn(1, seed));
    INFO("cap, seed " << seed << (report.findings.empty() ? "" : ": " + report.findings[0].reason));
    CHECK(report.findings.empty());
    CHECK(report.n_run - report.n_refused - report.n_not_asked == 1);
  }
}

TEST_CASE("what was found of a library is known by its bytes, and a damaged file holds nothing") {
  const test::TempFolder folder;
  const fs::path file = folder.path() / "deep" / "validated.json";
  const MethodReport good = report_on("zoo_good"), crash = report_on("zoo_crash", "numbers.f32");
  {
    Records records(file);
    CHECK(records.find(good.method) == nullptr);
    records.put(good, 40, 2);
    records.put(crash);
    records.save();
  }
  const Records records(file);
  REQUIRE(records.find(good.method));
  CHECK(records.find(good.method)->level == "loads");
  CHECK(records.find(good.method)->n_fuzzed == 40);
  CHECK(records.find(good.method)->n_findings == 2);
  CHECK(records.find(crash.method)->failed == std::vector<std::string>{"numbers.f32"});
  registry::MethodInfo other = good.method;
  other.sha256[0] = other.sha256[0] == '0' ? '1' : '0';
  CHECK(records.find(other) == nullptr);
  for (const char* damage : {"{", "[]", R"({"schema": 1, "methods": {"x": 3}})", R"({"schema": 2, "methods": {}})"}) {
    std::ofstream(file, std::ios::trunc) << damage;
    CHECK(Records(file).find(good.method) == nullptr);
  }
}

TEST_CASE("without a model a level that was reached in one stays, as long as as much passes") {
  const test::TempFolder folder;
  Records records(folder.path() / "validated.json");
  MethodReport report = report_on("zoo_good");
  report.checks.push_back({5, "model.run", "in a model", {Outcome::Pass, ""}, ""});
  records.put(report);
  CHECK(records.find(report.method)->level == "runs");
  records.put(report_on("zoo_good"));
  CHECK(records.find(report.method)->level == "runs");
  report.checks[0].verdict = failed("no");
  records.put(report);
  CHECK(records.find(report.method)->level == "none");
}

TEST_CASE("an index is held to its form, file by file") {
  const test::TempFolder folder;
  const auto problems = [&] {
    std::string all;
    for (const IndexProblem& one : check_index(folder.path(), "", {"knorm"}).problems)
      all += (one.grave ? "" : "warn ") + one.file + ": " + one.where + ": " + one.what + "\n";
    return all;
  };
  CHECK_THROWS_WITH(check_index(folder.path(), "", {}), Contains("has no folder plugins; expected"));
  const MethodReport report = report_on("zoo_good");
  const json entry = index_entry(report, {}, {"https://example.org/zoo", std::string(40, 'a'), "make"}, nullptr);
  begin_index(folder.path());
  CHECK(fs::exists(folder.path() / "README.md"));
  const fs::path file = folder.path() / "plugins" / (index_id(report.method) + ".json");
  fs::create_directories(file.parent_path());
  const auto write = [&](const json& value) { std::ofstream(file, std::ios::trunc) << value.dump(); };
  write(entry);
  CHECK(problems() == "");
  const auto changed = [&](const std::string& pointer, const json& value) {
    json other = entry;
    other[json::json_pointer(pointer)] = value;
    write(other);
    return problems();
  };
  CHECK_THAT(changed("/commit", "main"), Contains("/commit: found \"main\"; expected 40 hexadecimal digits"));
  CHECK_THAT(changed("/source", "ftp://x"), Contains("/source: found \"ftp://x\"; expected where the source is"));
  CHECK_THAT(changed("/libraries/0/sha256", "AB"), Contains("/libraries/0/sha256: "));
  CHECK_THAT(changed("/libraries", json::array()), Contains("/libraries: found []; expected a library"));
  CHECK_THAT(changed("/validated/level", "flies"), Contains("expected none, loads, configures"));
  CHECK_THAT(changed("/measured", {{"kl", -1}}), Contains("/measured/kl: found -1; expected a number"));
  CHECK_THAT(changed("/licence", "MIT"), Contains("/licence: is not known") && Contains("did you mean 'license'?"));
  CHECK_THAT(changed("/id", "other"), Contains("/id: found \"other\"; expected the name of the file"));
  CHECK_THAT(changed("/schema", 2), Contains("/schema: found 2; expected 1"));
  CHECK_THAT(changed("/name", "knorm"), Contains("warn ") && Contains("is a method of kvhost's own"));
  json without = entry;
  without.erase("build");
  write(without);
  CHECK_THAT(problems(), Contains("/build: is not there; expected build"));
  std::ofstream(file, std::ios::trunc) << "{";
  CHECK_THAT(problems(), Contains(index_id(report.method)));
  write(entry);
  std::ofstream(folder.path() / "plugins" / "libzoo.so") << "no";
  CHECK_THAT(problems(), Contains("is no description"));
}

TEST_CASE("whatever bytes stand in an index, they are told and nothing worse happens") {
  const test::TempFolder folder;
  fs::create_directories(folder.path() / "plugins");
  const MethodReport report = report_on("zoo_good");
  const std::string whole =
      index_entry(report, {}, {"https://example.org/zoo", std::string(40, 'a'), "make"}, {{"kl", 0.1}}).dump();
  const fs::path file = folder.path() / "plugins" / (index_id(report.method) + ".json");
  std::mt19937 rng(7);
  const std::string pieces = "{}[]\":,0-1e9nulltrue \\u\xff\0";
  size_t n_told = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = whole;
    for (int n = 1 + static_cast<int>(rng() % 3); n > 0; --n) {
      const size_t at = rng() % bytes.size();
      if (rng() % 2) bytes[at] = pieces[rng() % pieces.size()];
      else bytes.erase(at, 1 + rng() % 40);
    }
    std::ofstream(file, std::ios::trunc | std::ios::binary) << bytes;
    n_told += check_index(folder.path(), "", {}).problems.empty() ? 0 : 1;
  }
  CHECK(n_told > 1500);  // words may change to others
}

TEST_CASE("a level that an index claims is checked where the library is") {
  const test::TempFolder folder;
  fs::create_directories(folder.path() / "plugins");
  const auto claim = [&](const std::string& method, const std::string& level) {
    json entry = index_entry(report_on(method, "load"), {}, {"https://example.org/zoo", std::string(40, 'a'), "make"}, nullptr);
    entry["validated"]["level"] = level;
    std::ofstream(folder.path() / "plugins" / (entry["id"].get<std::string>() + ".json")) << entry.dump();
  };
  claim("zoo_good", "runs");
  claim("zoo_crash", "runs");
  const IndexReport report = check_index(folder.path(), KVHOST_TEST_ZOO, {});
  CHECK(report.n_checked_again == 2);
  REQUIRE(report.problems.size() == 1);
  CHECK_THAT(report.problems[0].what, Contains("claims runs, and ") && Contains("libzoo_crash.so reaches configures"));
}
