// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "scan_cache.hpp"
#include "sha256.hpp"
#include "zoo.hpp"

using Catch::Contains;
using registry::ScanCache;
using registry::ScanFailure;

TEST_CASE("SHA-256 of a file is the published one") {
  const TempFolder temp;
  write_text(temp.path() / "abc", "abc");  // FIPS 180-2, example B.1
  CHECK(registry::sha256_file(temp.path() / "abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK_THROWS_WITH(registry::sha256_file(temp.path() / "absent"), Contains("cannot be read"));
}

TEST_CASE("what was described once is not described again") {
  const TempFolder temp;
  const fs::path cache = temp.path() / "cache" / "registry.json";
  const fs::path folder = temp.folder("plugins");
  put_bare(folder, "zoo_good", ZOO_RUN);
  REQUIRE(scan({folder}, cache).methods().size() == 1);

  // The library's bytes are known: moved elsewhere it needs no description, though the tool could
  // not give one now.
  nlohmann::json stored = nlohmann::json::parse(read_text(cache));
  CHECK(stored["described"].size() == 1);
  const fs::path other = temp.folder("other");
  put_bare(other, "zoo_good", ZOO_RUN);
  const auto catalog = registry::Catalog::scan({other}, "/nonexistent", cache);
  CHECK(catalog.failures().empty());
  CHECK(catalog.names() == std::vector<std::string>{"zoo_good"});
}

TEST_CASE("a library that kept its size and time but not its bytes is hashed again") {
  const TempFolder temp;
  const fs::path file = temp.path() / "cache.json", library = temp.path() / "libx.so";
  write_text(library, "one");
  const auto sha256 = [&] {
    ScanCache cache(file, "here", 0);
    const std::string found = cache.sha256(library);
    REQUIRE(cache.save());
    return found;
  };
  const std::string before = sha256();
  CHECK(sha256() == before);
  const auto time = fs::last_write_time(library);
  write_text(library, "two");
  fs::last_write_time(library, time);
  CHECK(sha256() == registry::sha256_file(library));
}

TEST_CASE("a damaged cache is rebuilt") {
  const TempFolder temp;
  const fs::path cache = temp.path() / "registry.json";
  const fs::path folder = temp.folder("plugins");
  put_bare(folder, "zoo_good", ZOO_RUN);
  write_text(cache, "[1, 2");
  CHECK(scan({folder}, cache).methods().size() == 1);
  CHECK(nlohmann::json::parse(read_text(cache))["described"].size() == 1);
}

TEST_CASE("a cache that cannot be written is reported") {
  const TempFolder temp;
  const fs::path folder = temp.folder("plugins");
  put_bare(folder, "zoo_good", ZOO_RUN);
  write_text(temp.path() / "file", "in the way");
  const auto catalog = scan({folder}, temp.path() / "file" / "registry.json");
  CHECK(catalog.methods().size() == 1);
  REQUIRE(catalog.failures().size() == 1);
  CHECK(catalog.failures()[0].stage == "cache");
}

TEST_CASE("a failure is remembered, and tried again after a minute, an hour, a day") {
  const TempFolder temp;
  const fs::path file = temp.path() / "registry.json";
  int64_t now = 1000000;
  const auto fail_at = [&](int64_t time) {
    ScanCache cache(file, "here", time);
    CHECK_FALSE(cache.failed("abc"));
    cache.remember_failure("abc", {"/x.so", "load", "no zoo"});
    REQUIRE(cache.save());
  };
  for (const int64_t delay : {60, 3600, 86400, 86400}) {
    fail_at(now);
    const auto believed = ScanCache(file, "here", now + delay - 1).failed("abc");
    REQUIRE(believed);
    CHECK(believed->stage == "load");
    CHECK(believed->reason == "no zoo");
    CHECK_FALSE(ScanCache(file, "here", now + delay).failed("abc"));
    now += delay;
  }
  CHECK_FALSE(ScanCache(file, "elsewhere", now).failed("abc"));
}

TEST_CASE("a library whose bytes changed is tried again at once") {
  const TempFolder temp;
  const fs::path cache = temp.path() / "registry.json";
  const fs::path folder = temp.folder("plugins");
  put_bare(folder, "bad_magic");
  REQUIRE(scan({folder}, cache).failures().size() == 1);
  CHECK(nlohmann::json::parse(read_text(cache))["failed"].size() == 1);
  CHECK(scan({folder}, cache).failures().size() == 1);
  CHECK(nlohmann::json::parse(read_text(cache))["failed"].begin()->at("count") == 1);

  fs::copy_file(fs::path(ZOO_RUN) / library_name("zoo_good"),
                folder / library_name("bad_magic"),
                fs::copy_options::overwrite_existing);
  const auto catalog = scan({folder}, cache);
  CHECK(catalog.failures().empty());
  CHECK(catalog.names() == std::vector<std::string>{"zoo_good"});
}
