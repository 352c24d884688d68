// SPDX-License-Identifier: Apache-2.0
// What may lie in a plugin folder or a cache besides plugins: each is a reason, in time, and never
// the end of a listing.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "registry/print.hpp"
#include "zoo.hpp"

using Catch::Contains;

namespace {

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string only_reason(const registry::Catalog& catalog) {
  REQUIRE(catalog.failures().size() == 1);
  return catalog.failures()[0].stage + ": " + catalog.failures()[0].reason;
}

std::string nested(int levels) {
  return std::string(static_cast<size_t>(levels), '[') +
         std::string(static_cast<size_t>(levels), ']');
}

}  // namespace

TEST_CASE("a manifest that is a pipe, a device or without end is refused at once") {
  const TempFolder temp;
  put_bare(temp.path(), "zoo_good", ZOO_RUN);
  const fs::path manifest = temp.path() / manifest_name("zoo_good");
  std::string expected;
  SECTION("pipe") {
    REQUIRE(mkfifo(manifest.c_str(), 0600) == 0);
    expected = "is no regular file";
  }
  SECTION("device") {
    fs::create_symlink("/dev/zero", manifest);
    expected = "is no regular file";
  }
  SECTION("4 GB") {
    write_text(manifest, "{");
    fs::resize_file(manifest, uint64_t{4} << 30);
    expected = "has 4294967296 bytes; expected at most";
  }
  SECTION("a hundred thousand levels") {
    write_text(manifest, nested(100000));
    expected = "is nested deeper than 64 levels";
  }
  registry::Catalog catalog;
  CHECK(seconds_of([&] { catalog = scan({temp.path()}); }) < 2);
  CHECK_THAT(only_reason(catalog),
             Contains("manifest: libzoo_good.kvh.json: ") && Contains(expected));
}

TEST_CASE("a library of 4 GB that is none is not read to its end") {
  const TempFolder temp;
  write_text(temp.path() / "libbig.so", "");
  fs::resize_file(temp.path() / "libbig.so", uint64_t{4} << 30);
  registry::Catalog catalog;
  CHECK(seconds_of([&] { catalog = scan({temp.path()}); }) < 2);
  CHECK_THAT(only_reason(catalog), Contains("load: is no library (invalid ELF header)"));
}

TEST_CASE("what a library prints while it is described does not get into its manifest") {
  const TempFolder temp;
  put_bare(temp.path(), "banner");
  const auto catalog = scan({temp.path()});
  CHECK(catalog.failures().empty());
  CHECK(catalog.find("banner"));
}

TEST_CASE("what a library starts while it is described does not outlive that") {
  const TempFolder temp;
  put_bare(temp.path(), "forks");
  const fs::path file = temp.path() / "pid";
  setenv("KVHOST_ZOO_PID", file.c_str(), 1);
  registry::Catalog catalog;
  CHECK(seconds_of([&] { catalog = scan({temp.path()}); }) < 4);  // though it holds the pipes
  unsetenv("KVHOST_ZOO_PID");
  CHECK(catalog.find("forks"));
  const pid_t left = fs::exists(file) ? std::stoi(read_text(file)) : 0;
  if (left == 0) return;  // it was ended before it could write
  for (int i = 0; i < 100 && kill(left, 0) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(kill(left, 0) != 0);
}

TEST_CASE("escape sequences do not reach a listing") {
  const TempFolder temp;
  put_bare(temp.path(), "escapes");
  CHECK_THAT(only_reason(scan({temp.path()})),
             Contains("describe: method 'escapes': summary holds a control character"));

  const TempFolder other;
  put_good(other.path(), "zoo_good");
  const fs::path path = other.path() / manifest_name("zoo_good");
  nlohmann::json manifest = nlohmann::json::parse(read_text(path));
  manifest["methods"][0]["summary"] = "\x1b[2J";
  write_text(path, manifest.dump());
  CHECK_THAT(only_reason(scan({other.path()})),
             Contains("field 'summary' holds a control character"));
  const fs::path strange = other.folder("\x1b[31m\xff");
  write_text(strange / "libx.so", "no library");
  const auto catalog = scan({strange});
  CHECK_THAT(registry::failures_text(catalog), !Contains("\x1b") && Contains("[31m?/libx.so"));
  CHECK_THAT(registry::failures_json(catalog).dump(), Contains("[31m?/libx.so"));
}

TEST_CASE("libraries that hang do not add up, and none is held against a busy machine") {
  const TempFolder temp;
  const fs::path cache = temp.path() / "cache" / "registry.json";
  const fs::path folder = temp.folder("plugins");
  for (const char* name : {"liba.so", "libb.so", "libc.so", "libd.so"})
    fs::copy_file(fs::path(ZOO_HOSTILE) / library_name("init_hangs"), folder / name);
  put_good(folder, "zoo_good");
  registry::Catalog catalog;
  CHECK(seconds_of([&] { catalog = scan({folder}, cache); }) < 13);
  CHECK(catalog.names() == std::vector<std::string>{"zoo_good"});
  REQUIRE(catalog.failures().size() == 4);
  CHECK_THAT(catalog.failures()[0].reason, Contains("did not answer within 5 s"));
  CHECK_THAT(catalog.failures()[3].reason,
             Contains("others used up the 10 s that a scan may take"));
  CHECK(nlohmann::json::parse(read_text(cache))["failed"].empty());
}

TEST_CASE("a cache of whatever content is made anew") {
  const TempFolder temp;
  const fs::path cache = temp.path() / "registry.json";
  const fs::path folder = temp.folder("plugins");
  put_bare(folder, "zoo_good", ZOO_RUN);
  put_bare(folder, "bad_magic");
  REQUIRE(scan({folder}, cache).methods().size() == 1);
  const nlohmann::json good = nlohmann::json::parse(read_text(cache));
  const auto check = [&](const std::string& content) {
    INFO(content.substr(0, 200));
    fs::remove(cache);
    write_text(cache, content);
    const auto catalog = scan({folder}, cache);
    CHECK(catalog.names() == std::vector<std::string>{"zoo_good"});
    CHECK(catalog.failures().size() == 1);
    CHECK(nlohmann::json::parse(read_text(cache))["described"].size() == 1);
  };
  check(nested(100000));
  check("");
  check("null");
  check(good.dump().substr(0, good.dump().size() / 2));
  // Every value of it as something else.
  const nlohmann::json flat = good.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    for (const nlohmann::json& other : {nlohmann::json(nullptr),
                                        nlohmann::json("text"),
                                        nlohmann::json(-1e300),
                                        nlohmann::json::array(),
                                        nlohmann::json::object()}) {
      nlohmann::json damaged = good;
      damaged[nlohmann::json::json_pointer(pointer)] = other;
      check(damaged.dump());
    }
  }
}

TEST_CASE("a cache that is a pipe does not stop a scan") {
  const TempFolder temp;
  const fs::path cache = temp.path() / "registry.json";
  REQUIRE(mkfifo(cache.c_str(), 0600) == 0);
  const fs::path folder = temp.folder("plugins");
  put_bare(folder, "zoo_good", ZOO_RUN);
  CHECK(scan({folder}, cache).methods().size() == 1);
  CHECK(fs::is_regular_file(cache));
}
