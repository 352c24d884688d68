// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "kvhost/plugin.h"
#include "registry/print.hpp"
#include "zoo.hpp"

using Catch::Contains;

namespace {

// The manifest of zoo_good under another name, with an alias.
void put_renamed(const fs::path& folder,
                 const std::string& file,
                 const std::string& name,
                 const std::vector<std::string>& aliases) {
  fs::copy_file(fs::path(ZOO_RUN) / library_name("zoo_good"), folder / library_name(file));
  nlohmann::json manifest =
      nlohmann::json::parse(read_text(fs::path(ZOO_RUN) / manifest_name("zoo_good")));
  manifest["methods"][0]["name"] = name;
  manifest["methods"][0]["aliases"] = aliases;
  write_text(folder / manifest_name(file), manifest.dump());
}

}  // namespace

TEST_CASE("a scan reads manifests and opens nothing") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_good");
  put_good(temp.path(), "zoo_bad_sum");
  // Without a describe tool, only manifests can have answered.
  const auto catalog = registry::Catalog::scan({temp.path()}, "/nonexistent", "");
  CHECK(catalog.failures().empty());
  REQUIRE(catalog.names() == std::vector<std::string>{"zoo_good", "zoo_bad_sum"});
  const registry::MethodInfo* method = catalog.find("zoo_bad_sum");
  REQUIRE(method);
  CHECK(method->kind == registry::Kind::HeadAllocator);
  CHECK(method->flags == (KVH_METHOD_PREFILL | KVH_METHOD_DECODE));
  CHECK(method->plugin == "org.example.zoo_bad_sum");
  CHECK(method->tier == "portable");
  CHECK(method->library == temp.path() / library_name("zoo_bad_sum"));
  CHECK(method->sha256.size() == 64);
  CHECK(catalog.find("zoo") == nullptr);
}

TEST_CASE("an altered library is described anew, and said") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_good");
  put_good(temp.path(), "zoo_nan");
  CHECK(scan({temp.path()}).altered().empty());
  const fs::path library = temp.path() / library_name("zoo_good");
  std::ofstream(library, std::ios::app | std::ios::binary) << "x";
  const auto catalog = scan({temp.path()});
  CHECK(catalog.failures().empty());
  REQUIRE(catalog.altered().size() == 1);
  CHECK(catalog.altered()[0].library == library);
  CHECK_THAT(catalog.altered()[0].reason,
             Contains("was altered after its manifest was made") && Contains("described anew") &&
                 Contains("kvhost-describe " + library.string() + " --out ") && !Contains("\n"));
  CHECK(catalog.find("zoo_good")->altered == catalog.altered()[0].reason);
  CHECK(catalog.find("zoo_nan")->altered.empty());
  CHECK_THAT(registry::failures_text(catalog), Contains("libzoo_good.so\n  was altered after"));
  CHECK_THAT(registry::list_text(catalog), Contains("1 altered after the manifest was made"));
  CHECK(registry::failures_json(catalog)["altered"][0]["library"] == library.string());
}

TEST_CASE("a library that was altered and broken is refused, and said") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_good");
  write_text(temp.path() / library_name("zoo_good"), "not what it was");
  const auto catalog = scan({temp.path()});
  CHECK(catalog.methods().empty());
  CHECK(catalog.altered().empty());
  REQUIRE(catalog.failures().size() == 1);
  CHECK(catalog.failures()[0].stage == "load");
  CHECK_THAT(catalog.failures()[0].reason,
             Contains("; it was altered after its manifest was made"));
}

TEST_CASE("a default of the wrong type in a manifest is named") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_good");
  const fs::path path = temp.path() / manifest_name("zoo_good");
  nlohmann::json manifest = nlohmann::json::parse(read_text(path));
  nlohmann::json param = {{"name", "x"},
                          {"type", "int"},
                          {"default", 3},
                          {"min", nullptr},
                          {"max", nullptr},
                          {"unit", ""},
                          {"doc", "A number"},
                          {"choices", nlohmann::json::array()},
                          {"flags", nlohmann::json::array()}};
  const auto reason_of = [&](const char* type, const nlohmann::json& value) {
    param["type"] = type;
    param["default"] = value;
    manifest["methods"][0]["params"] = {param};
    write_text(path, manifest.dump());
    const auto catalog = scan({temp.path()});
    return catalog.failures().empty() ? catalog.methods()[0].params[0].def.literal()
                                      : catalog.failures()[0].reason;
  };
  CHECK_THAT(reason_of("int", "three"), Contains("field 'default' holds text; expected int"));
  CHECK_THAT(reason_of("bool", {{"a", 1}}),
             Contains("field 'default' holds an object or array; expected bool"));
  CHECK(reason_of("float", 2) == "2.0");
  CHECK(reason_of("float_list", nlohmann::json::array()) == "[]");
  CHECK(reason_of("float_list", {1, 2}) == "[1.0,2.0]");
}

TEST_CASE("a stale manifest is described anew") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_good");
  fs::copy_file(fs::path(ZOO_RUN) / library_name("zoo_nan"),
                temp.path() / library_name("zoo_good"),
                fs::copy_options::overwrite_existing);
  const auto catalog = scan({temp.path()});
  CHECK(catalog.failures().empty());
  CHECK(catalog.names() == std::vector<std::string>{"zoo_nan"});
}

TEST_CASE("the first folder wins, and the other one is told") {
  const TempFolder temp;
  const fs::path first = temp.folder("first"), second = temp.folder("second");
  put_good(first, "zoo_good");
  put_good(second, "zoo_good");
  put_good(second, "zoo_nan");
  const auto catalog = scan({first, second, first});
  CHECK(catalog.failures().empty());
  CHECK(catalog.methods().size() == 2);
  CHECK(catalog.find("zoo_good")->library.parent_path() == first);
  REQUIRE(catalog.shadowed().size() == 1);
  CHECK(catalog.shadowed()[0].name == "zoo_good");
  CHECK(catalog.shadowed()[0].used == first / library_name("zoo_good"));
  CHECK(catalog.shadowed()[0].ignored == second / library_name("zoo_good"));
}

TEST_CASE("one name twice in a folder is a failure that names both files") {
  const TempFolder temp;
  put_renamed(temp.path(), "a", "mine", {});
  put_renamed(temp.path(), "b", "other", {"mine"});
  put_renamed(temp.path(), "c", "mine", {});
  const auto catalog = scan({temp.path()});
  CHECK(catalog.names() == std::vector<std::string>{"mine", "other"});
  CHECK(catalog.find("mine")->library == temp.path() / "liba.so");
  REQUIRE(catalog.failures().size() == 2);
  CHECK(catalog.failures()[0].library == temp.path() / "libb.so");
  CHECK(catalog.failures()[1].library == temp.path() / "libc.so");
  CHECK_THAT(catalog.failures()[1].reason,
             Contains("brings 'mine'") && Contains((temp.path() / "liba.so").string()));
}

TEST_CASE("methods are found by alias") {
  const TempFolder temp;
  put_renamed(temp.path(), "a", "mine", {"Mine", "my-method"});
  const auto catalog = scan({temp.path()});
  REQUIRE(catalog.find("my-method"));
  CHECK(catalog.find("my-method")->name == "mine");
}

TEST_CASE("a folder that is none, and a manifest without a library, are reported") {
  const TempFolder temp;
  fs::copy_file(fs::path(ZOO_RUN) / manifest_name("zoo_nan"),
                temp.path() / manifest_name("zoo_nan"));
  const auto catalog = scan({temp.path() / "absent", temp.path()});
  REQUIRE(catalog.failures().size() == 2);
  CHECK(catalog.failures()[0].stage == "folder");
  CHECK_THAT(catalog.failures()[1].reason, Contains("is absent; libzoo_nan.kvh.json describes it"));
}

TEST_CASE("the ABI version in a manifest is checked before anything is opened") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_good");
  const fs::path path = temp.path() / manifest_name("zoo_good");
  nlohmann::json manifest = nlohmann::json::parse(read_text(path));
  manifest["abi"]["major"] = 4;
  write_text(path, manifest.dump());
  const auto catalog = registry::Catalog::scan({temp.path()}, "/nonexistent", "");
  REQUIRE(catalog.failures().size() == 1);
  CHECK_THAT(catalog.failures()[0].reason, Contains("built for ABI major 4"));
}
