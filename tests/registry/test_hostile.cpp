// SPDX-License-Identifier: Apache-2.0
// Every hostile plugin is refused with its own words, and the good one beside it is found all the
// same.
#include <catch2/catch.hpp>
#include <set>

#include "child.hpp"
#include "library.hpp"
#include "zoo.hpp"

using Catch::Contains;

namespace {

struct Expected {
  const char* name;
  const char* stage;
  const char* reason;
};

// init_hangs is a test of its own below: the scan waits for its whole deadline.
const std::vector<Expected> kHostile = {
    {"bad_magic", "load", "does not start with the magic number of a plugin"},
    {"short_struct", "load", "struct_size of the plugin object is 16; expected at least "},
    {"future_major", "load", "built for ABI major 2; this kvhost speaks major 1"},
    {"newer_minor", "load", "needs a host of ABI 1.7 or newer; this kvhost speaks 1.0"},
    {"init_crashes", "describe", "crashed with SIGSEGV while being described"},
    {"init_throws",
     "describe",
     "crashed with SIGABRT while being described (what():  no zoo without a keeper)"},
    {"describe_throws",
     "describe",
     "SIGABRT while being described (what():  thrown across the boundary)"},
    {"duplicate_params",
     "describe",
     "method 'duplicate_params': has two parameters named 'window_size'"},
    {"default_outside", "describe", "parameter 'ratio': its default 1.5 is outside its own range"},
    {"null_functions", "describe", "functions is NULL; expected those of its kind"},
    {"null_score", "describe", "its functions lack one that its kind must have"},
    {"no_phase", "describe", "flags name no phase"},
    {"torch_other",
     "load",
     "was built with libtorch 1.13.1, the C++ ABI of before C++11; expected 2."},
    {"torch_words", "load", "says of its libtorch 'version=the newest;cxx11_abi=1'; expected"},
    {"no_symbol", "load", "exports no symbol kvhost_plugin_v1; expected a kvhost plugin"},
};

}  // namespace

TEST_CASE("each hostile plugin is refused with its own reason, and the scan goes on") {
  const TempFolder temp;
  for (const Expected& hostile : kHostile) put_bare(temp.path(), hostile.name);
  write_text(temp.path() / "libtext.so", "this is a letter, not a library\n");
  put_good(temp.path(), "zoo_good");

  const registry::Catalog catalog = scan({temp.path()});
  REQUIRE(catalog.methods().size() == 1);
  CHECK(catalog.methods()[0].name == "zoo_good");
  CHECK(catalog.failures().size() == kHostile.size() + 1);

  std::set<std::string> reasons;
  for (const registry::ScanFailure& failure : catalog.failures()) {
    reasons.insert(failure.reason);
    for (const Expected& hostile : kHostile) {
      if (failure.library.filename() != library_name(hostile.name)) continue;
      INFO(hostile.name);
      CHECK(failure.stage == hostile.stage);
      CHECK_THAT(failure.reason, Contains(hostile.reason));
    }
    if (failure.library.filename() == "libtext.so") {
      CHECK(failure.stage == "load");
      CHECK_THAT(failure.reason, Contains("invalid ELF header") || Contains("file too short"));
    }
    CHECK_THAT(failure.reason, !Contains("\n"));
  }
  CHECK(reasons.size() == kHostile.size() + 1);
}

TEST_CASE("a static initialiser that hangs is killed at the deadline") {
  const auto begin = std::chrono::steady_clock::now();
  try {
    registry::describe_in_child(DESCRIBE,
                                fs::path(ZOO_HOSTILE) / library_name("init_hangs"),
                                std::chrono::milliseconds(300));
    FAIL("it was described");
  } catch (const registry::Refusal& refusal) {
    CHECK(refusal.stage() == "busy");  // the machine may be at fault
    CHECK(std::string(refusal.what()) == "did not answer within 0.3 s while being described");
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE("a malformed manifest is named, and nothing is guessed") {
  const TempFolder temp;
  put_bare(temp.path(), "zoo_good", ZOO_RUN);
  const fs::path manifest = temp.path() / manifest_name("zoo_good");

  SECTION("no JSON") {
    write_text(manifest, "{\"manifest\": 1, ");
    const auto catalog = scan({temp.path()});
    REQUIRE(catalog.failures().size() == 1);
    CHECK(catalog.failures()[0].stage == "manifest");
    CHECK_THAT(catalog.failures()[0].reason,
               Contains("libzoo_good.kvh.json: ") && Contains("parse error"));
    CHECK(catalog.methods().empty());
  }
  SECTION("a field is absent") {
    write_text(manifest, "{\"manifest\": 1}");
    const auto catalog = scan({temp.path()});
    REQUIRE(catalog.failures().size() == 1);
    CHECK_THAT(catalog.failures()[0].reason, Contains("field 'plugin' is absent"));
  }
  SECTION("another version of manifests") {
    write_text(manifest, "{\"manifest\": 9}");
    const auto catalog = scan({temp.path()});
    REQUIRE(catalog.failures().size() == 1);
    CHECK_THAT(catalog.failures()[0].reason, Contains("manifest version is 9; expected 1"));
  }
}

TEST_CASE("an absent describe tool is a reason, not a crash") {
  const TempFolder temp;
  put_bare(temp.path(), "zoo_good", ZOO_RUN);
  const auto catalog = registry::Catalog::scan({temp.path()}, temp.path() / "nowhere", "");
  REQUIRE(catalog.failures().size() == 1);
  CHECK(catalog.failures()[0].stage == "describe");
  CHECK_THAT(catalog.failures()[0].reason, Contains("nowhere cannot be started: No such file"));
}
