// SPDX-License-Identifier: Apache-2.0
// The checks of kvhost validate: all methods of this build pass, those of the zoo fail where they
// are wrong, and the process that checks stays alive.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "base/error.hpp"
#include "kit/new_project.hpp"
#include "kit/validate.hpp"
#include "registry/catalog.hpp"

using namespace kvhost;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

std::vector<registry::MethodInfo> methods_of(const std::string& folder) {
  return registry::Catalog::scan({folder}, /*describe=*/"", /*cache_file=*/"").methods();
}

MethodReport validate(const std::string& name, const std::string& only, int64_t deadline_ms = 20000) {
  ValidateOptions options;
  options.only = only;
  options.deadline = std::chrono::milliseconds(deadline_ms);
  for (const auto& method : methods_of(KVHOST_TEST_ZOO))
    if (method.name == name) return validate_methods({method}, options).front();
  throw std::runtime_error("the zoo has no " + name);
}

std::string reason(const MethodReport& report, const std::string& id) {
  for (const auto& check : report.checks)
    if (check.id == id) return outcome_name(check.verdict.outcome) + (": " + check.verdict.reason);
  return "not checked";
}

}  // namespace

TEST_CASE("no method of this build fails a check") {
  size_t n = 0;
  for (const auto& method : methods_of(KVHOST_TEST_PLUGINS)) {
    INFO(method.name);
    for (const std::string only : {"configuration", "numbers"}) {
      const auto reports = validate_methods({method}, {.only = only});
      for (const auto& check : reports.front().checks) {
        INFO(check.id << ": " << check.verdict.reason);
        CHECK(check.verdict.outcome != Outcome::Fail);
        n += check.verdict.outcome == Outcome::Pass ? 1 : 0;
      }
    }
  }
  CHECK(n > 300);
}

TEST_CASE("a plugin with libtorch that does not say which is told so") {
  for (registry::MethodInfo method : methods_of(KVHOST_TEST_PLUGINS)) {
    if (method.name != "criticalkv") continue;
    CHECK(validate_methods({method}, {.only = "load.words"}).front().checks[0].verdict.outcome == Outcome::Pass);
    method.torch = "";
    CHECK(reason(validate_methods({method}, {.only = "load.words"}).front(), "load.words") ==
          "WARN: says nothing of the libtorch it was built with, which kvhost/torch.hpp writes");
    return;
  }
  FAIL("no criticalkv");
}

TEST_CASE("a plugin of the zoo fails where it is wrong, in words") {
  CHECK(reason(validate("zoo_good", "numbers"), "numbers.f32") == "PASS: ");
  CHECK(reason(validate("zoo_crash", "numbers.f32"), "numbers.f32") == "FAIL: crashed with SIGSEGV");
  CHECK(reason(validate("zoo_hang", "numbers.f32", 500), "numbers.f32") ==
        "FAIL: did not return within 0 s");
  CHECK_THAT(reason(validate("zoo_nan", "numbers.f32"), "numbers.f32"),
             Contains("FAIL: head ") && Contains("unwritten, or NaN"));
  CHECK_THAT(reason(validate("zoo_unwritten", "numbers.f32"), "numbers.f32"),
             Contains("FAIL: head ") && Contains("unwritten, or NaN"));
  CHECK_THAT(reason(validate("zoo_error", "numbers.f32"), "numbers.f32"),
             Contains("FAIL: the zoo refuses this window"));
  CHECK_THAT(reason(validate("zoo_bad_sum", "numbers.f32"), "numbers.f32"),
             Contains("FAIL: a budget of ") && Contains("entries together"));
}

TEST_CASE("every check has a plugin that fails it and no other") {
  std::vector<std::string> failed_once;
  for (const auto& method : methods_of(KVHOST_TEST_CHECKS)) {
    INFO(method.name);
    ValidateOptions options;
    options.program = KVHOST_PROGRAM;
    const MethodReport report = validate_methods({method}, options).front();
    std::vector<std::string> failed;
    for (const auto& check : report.checks) {
      UNSCOPED_INFO(check.id << ": " << outcome_name(check.verdict.outcome) << " " << check.verdict.reason);
      const bool bad = check.verdict.outcome == Outcome::Fail || check.verdict.outcome == Outcome::Warn;
      if (bad) failed.push_back(check.id);
    }
    REQUIRE(failed.size() == 1);
    std::string name = "zoo_" + failed[0];
    std::replace(name.begin(), name.end(), '.', '_');
    CHECK(name == method.name);
    failed_once.push_back(failed[0]);
  }
  for (const CheckInfo& check : known_checks()) {
    INFO(check.id);
    CHECK(std::count(failed_once.begin(), failed_once.end(), check.id) == 1);
  }
}

TEST_CASE("a level is reached when nothing in it and below fails") {
  CHECK(validate("zoo_good", "").level() == "shares");
  const MethodReport crash = validate("zoo_crash", "");
  CHECK(crash.level() == "configures");
  CHECK(crash.failed());
  CHECK_FALSE(validate("zoo_good", "load").failed());
}

TEST_CASE("a check or a group of them is named by its id") {
  const MethodReport threads = validate("zoo_good", "threads");
  for (const auto& check : threads.checks)
    CHECK(check.id.rfind("threads.", 0) == 0);
  CHECK_THROWS_WITH(validate("zoo_good", "numbers.f31"),
                    Contains("--only: found 'numbers.f31'; expected one of load.opens, ") &&
                        Contains("did you mean 'numbers.f32'?"));
}

TEST_CASE("a check that ends the process or writes where it must not is a failure") {
  using std::chrono::milliseconds;
  CHECK(try_in_child([]() -> Verdict { _exit(3); }, milliseconds(5000)).reason ==
        "ended the process with exit code 3");
  CHECK(try_in_child([]() -> Verdict { throw std::runtime_error("words"); }, milliseconds(5000))
            .reason == "words");
  CHECK(try_in_child([] { return Verdict{}; }, milliseconds(5000)).outcome == Outcome::Pass);
}

TEST_CASE("every kind of project has its files, filled in") {
  for (const std::string kind : {"scorer", "wrapper", "head_allocator", "layer_allocator", "press"}) {
    NewProject project;
    project.kind = kind_named(kind, "kvhost new");
    project.name = "my_method";
    project.vendor = "My Lab";
    for (const std::string& language : languages_of(project.kind)) {
      project.language = language_named(language, project.kind, "--lang");
      for (const auto& file : files_of(project)) {
        INFO(kind << " " << language << " " << file.path);
        for (const char* left :
             {"@name@", "@Class@", "@vendor@", "@license@", "@press@", "@source@", "@torch"})
          CHECK(file.bytes.find(left) == std::string::npos);
      }
    }
  }
}
