// SPDX-License-Identifier: Apache-2.0
// With which libtorch a plugin was built: read from its file, told in manifests, compared before it is
// opened.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "library.hpp"
#include "manifest.hpp"
#include "registry/loader.hpp"
#include "registry/print.hpp"
#include "torch_record.hpp"
#include "zoo.hpp"

using Catch::Contains;
using namespace kvhost::registry;

namespace {

kvh_host any_host() {
  kvh_host host = {};
  host.struct_size = sizeof host;
  host.abi_major = KVH_ABI_MAJOR;
  host.abi_minor = KVH_ABI_MINOR;
  return host;
}

// `torch` in the manifest of a plugin that has no libtorch.
registry::Catalog with_torch(const TempFolder& temp, const nlohmann::json& torch) {
  put_good(temp.path(), "zoo_good");
  const fs::path path = temp.path() / manifest_name("zoo_good");
  nlohmann::json manifest = nlohmann::json::parse(read_text(path));
  manifest["torch"] = torch;
  write_text(path, manifest.dump());
  return scan({temp.path()});
}

}  // namespace

TEST_CASE("a plugin with libtorch says which one, and it is that of this kvhost") {
  const auto record = torch_record(TORCH_PLUGIN);
  REQUIRE(record);
  CHECK(*record == own_torch());
  CHECK_THAT(torch_text(*record), Contains("2.") && Contains(", C++11 ABI"));
  const fs::path manifest = fs::path(TORCH_PLUGIN).replace_extension(".kvh.json");
  const auto json = nlohmann::json::parse(read_text(manifest));
  CHECK(json["torch"]["version"] == own_torch().version);
  CHECK(json["torch"]["cxx11_abi"] == own_torch().cxx11_abi);
  CHECK_FALSE(torch_record(fs::path(ZOO_RUN) / library_name("zoo_good")));
}

TEST_CASE("a plugin of another libtorch is refused with both, before it is opened") {
  const TempFolder temp;
  put_bare(temp.path(), "torch_other");
  const auto catalog = scan({temp.path()});
  REQUIRE(catalog.failures().size() == 1);
  // Opened, it would have ended with SIGABRT.
  CHECK(catalog.failures()[0].reason ==
        "was built with libtorch 1.13.1, the C++ ABI of before C++11; expected " +
            torch_text(own_torch()) +
            ", which this kvhost runs on; build it again with that one "
            "(-DKVHOST_TORCH_ROOT=FOLDER), or take the plugin made for it");
}

TEST_CASE("a manifest of another libtorch is enough to refuse") {
  const TempFolder temp;
  const auto catalog = with_torch(temp, {{"version", "2.4.0"}, {"cxx11_abi", true}});
  REQUIRE(catalog.failures().size() == 1);
  CHECK_THAT(catalog.failures()[0].reason,
             Contains("was built with libtorch 2.4.0, C++11 ABI; expected"));
}

TEST_CASE("what a manifest says of libtorch is what the library says") {
  const TempFolder temp;
  const auto catalog =
      with_torch(temp, {{"version", own_torch().version}, {"cxx11_abi", own_torch().cxx11_abi}});
  REQUIRE(catalog.methods().size() == 1);
  CHECK_THROWS_WITH(load(catalog.methods()[0], any_host()),
                    Contains("has libtorch ''; expected what its manifest says, '" +
                             torch_text(own_torch()) + "'"));
}

TEST_CASE("a manifest from before plugins said it is read, and one that says nonsense is refused") {
  const TempFolder temp, other;
  put_good(temp.path(), "zoo_good");
  const fs::path path = temp.path() / manifest_name("zoo_good");
  nlohmann::json manifest = nlohmann::json::parse(read_text(path));
  manifest.erase("torch");
  for (auto& method : manifest["methods"]) method.erase("slots");
  write_text(path, manifest.dump());
  CHECK(scan({temp.path()}).methods().size() == 1);
  const auto catalog = with_torch(other, {{"version", 2}});
  REQUIRE(catalog.failures().size() == 1);
  CHECK_THAT(catalog.failures()[0].reason, Contains("field 'version' has an unexpected type"));
}

TEST_CASE("a library that ends anywhere has a record or none") {
  const TempFolder temp;
  const std::string whole = read_text(fs::path(ZOO_HOSTILE) / library_name("torch_other"));
  const fs::path cut = temp.path() / "libcut.so";
  size_t n_found = 0;
  for (size_t n = 0; n <= whole.size(); n += n < 400 ? 1 : 97) {
    write_text(cut, whole.substr(0, n));
    n_found += torch_record(cut) ? 1 : 0;
  }
  write_text(cut, whole);
  CHECK(torch_record(cut));
  CHECK(n_found < 3);
  // Headers that lie about where the sections are, how large, and where their names.
  for (const size_t at : {0x28, 0x2f, 0x3a, 0x3e, 0x3f}) {
    std::string lies = whole;
    lies[at] = '\xff';
    write_text(cut, lies);
    CHECK_FALSE(torch_record(cut));
  }
}

TEST_CASE("records that are none are refused") {
  CHECK(torch_record_from("version=2.13.0;cxx11_abi=1") == TorchRecord{"2.13.0", true});
  for (const char* text : {"", "version=2.13;cxx11_abi=1", "version=2.13.0;cxx11_abi=2",
                           "version=2.13.0;cxx11_abi=1 ", "version=99999999.0.0;cxx11_abi=1"})
    CHECK_THROWS_AS(torch_record_from(text), Refusal);
  CHECK_NOTHROW(check_torch({"2.6.0", true}, {"2.6.0", true}));
  CHECK_THROWS_AS(check_torch({"2.6.0", false}, {"2.6.0", true}), Refusal);
  CHECK_THROWS_AS(check_torch({"2.6.1", true}, {"2.6.0", true}), Refusal);
}
