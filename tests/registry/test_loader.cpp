// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "registry/loader.hpp"
#include "zoo.hpp"

using Catch::Contains;

namespace {

kvh_host test_host() {
  kvh_host host = {};
  host.struct_size = sizeof host;
  host.abi_major = KVH_ABI_MAJOR;
  host.abi_minor = KVH_ABI_MINOR;
  host.version = "0.0.0";
  host.log = [](const kvh_host*, int32_t, const char*) noexcept {};
  host.extension = [](const kvh_host*, const char*) noexcept -> const void* { return nullptr; };
  return host;
}

registry::MethodInfo only_method(const fs::path& folder) {
  const auto catalog = scan({folder});
  REQUIRE(catalog.methods().size() == 1);
  return catalog.methods()[0];
}

}  // namespace

TEST_CASE("a loaded method runs") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_good");
  const registry::MethodInfo info = only_method(temp.path());
  const kvh_method* method = registry::load(info, test_host());
  REQUIRE(method);
  CHECK(std::string(method->name) == "zoo_good");
  CHECK(registry::load(info, test_host()) == method);

  kvh_error error = {};
  error.struct_size = sizeof error;
  kvh_create_args args = {};
  args.struct_size = sizeof args;
  kvh_instance* instance = nullptr;
  REQUIRE(method->create(method, &args, &instance, &error) == KVH_OK);
  const int64_t n_entries[] = {3};
  float row[] = {-1, -1, -1};
  float* const rows[] = {row};
  kvh_scores scores = {};
  scores.struct_size = sizeof scores;
  scores.n_kv_heads = 1;
  scores.n_entries = n_entries;
  scores.scores = rows;
  const auto* scorer = static_cast<const kvh_scorer*>(method->functions);
  CHECK(scorer->score(instance, nullptr, nullptr, &scores, &error) == KVH_OK);
  CHECK(row[0] == 0);
  CHECK(row[2] == 2);
  method->destroy(instance);
}

TEST_CASE("what a manifest says of its library is what the library says") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_unwritten");
  const fs::path path = temp.path() / manifest_name("zoo_unwritten");
  const nlohmann::json good = nlohmann::json::parse(read_text(path));
  const auto refused = [&](const char* pointer, const nlohmann::json& value) {
    nlohmann::json manifest = good;
    manifest[nlohmann::json::json_pointer(pointer)] = value;
    write_text(path, manifest.dump());
    return registry::load(only_method(temp.path()), test_host());
  };
  CHECK_THROWS_WITH(refused("/vendor", "Somebody else"),
                    Contains("has vendor 'Zoo'; expected what its manifest says, 'Somebody else'"));
  CHECK_THROWS_WITH(refused("/license", "MIT"), Contains("has license 'Apache-2.0'"));
  CHECK_THROWS_WITH(refused("/plugin", "org.example.other"), Contains("has plugin 'org.example"));
  CHECK_THROWS_WITH(refused("/tier", "torch"), Contains("has tier 'portable'"));
  const uint32_t minor = good["abi"]["minor"];
  CHECK_THROWS_WITH(refused("/abi/minor", minor + 1), Contains("has abi '1."));
}

TEST_CASE("a library that changed since its description is not opened") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_nan");
  const registry::MethodInfo info = only_method(temp.path());
  std::ofstream(info.library, std::ios::app | std::ios::binary) << "x";
  CHECK_THROWS_WITH(registry::load(info, test_host()),
                    Contains("libzoo_nan.so: cannot be loaded: changed since it was described"));
}

TEST_CASE("a descriptor that differs from its manifest is refused") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_nan");
  registry::MethodInfo info = only_method(temp.path());
  SECTION("in a text") {
    info.summary = "another one";
    CHECK_THROWS_WITH(registry::load(info, test_host()),
                      Contains("differs from its manifest at /summary"));
  }
  SECTION("in a parameter") {
    info.params.push_back({});
    CHECK_THROWS_WITH(registry::load(info, test_host()),
                      Contains("differs from its manifest at /params"));
  }
  SECTION("in the number of methods") {
    info.index = 3;
    CHECK_THROWS_WITH(registry::load(info, test_host()),
                      Contains("has 1 methods; its manifest lists more"));
  }
}

TEST_CASE("an open() that fails is told in the plugin's words, and asked once") {
  const TempFolder temp;
  put_bare(temp.path(), "open_fails");
  const registry::MethodInfo info = only_method(temp.path());
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_WITH(
        registry::load(info, test_host()),
        Contains("its open() failed with KVH_E_RESOURCE: the table of the zoo is absent"));
  }
}

TEST_CASE("host and plugin must be of an age") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_error");
  const registry::MethodInfo info = only_method(temp.path());
  kvh_host host = test_host();
  SECTION("the host runs newer plugins only") {
    host.abi_minor = 4;
    host.abi_minor_oldest = 2;
    CHECK_THROWS_WITH(
        registry::load(info, host),
        Contains("built for ABI 1.0; this kvhost runs 1.2 or newer; rebuild the plugin"));
  }
  SECTION("another major") {
    host.abi_major = 2;
    CHECK_THROWS_WITH(registry::load(info, host),
                      Contains("built for ABI major 1; this kvhost speaks major 2"));
  }
}

TEST_CASE("the words of the dynamic loader are kept") {
  const TempFolder temp;
  write_text(temp.path() / "libbroken.so", std::string(4096, 'x'));
  registry::MethodInfo info;
  info.name = "broken";
  info.library = temp.path() / "libbroken.so";
  info.sha256 = std::string(64, '0');
  CHECK_THROWS_WITH(registry::load(info, test_host()), Contains("changed since it was described"));
  info.library = temp.path() / "libabsent.so";
  CHECK_THROWS_WITH(registry::load(info, test_host()),
                    Contains("libabsent.so: cannot be loaded: cannot be read"));
}
