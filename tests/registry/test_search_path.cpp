// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "registry/search_path.hpp"
#include "zoo.hpp"

TEST_CASE("the installation, then flags, then the variable, then the user's folder") {
  const TempFolder temp;
  const fs::path user = temp.folder("data/kvhost/plugins");
  const fs::path installed = temp.folder("prefix/lib/kvhost/plugins/1");
  setenv("KVHOST_PLUGIN_PATH", "/one::/two", 1);
  setenv("XDG_DATA_HOME", (temp.path() / "data").c_str(), 1);
  const auto folders = registry::default_search_path({"/flag"}, temp.path() / "prefix/bin/kvhost");
  CHECK(folders == std::vector<fs::path>{installed, "/flag", "/one", "/two", user});
  CHECK(registry::default_search_path(
            {"/flag"}, temp.path() / "prefix/bin/kvhost", registry::Precedence::Plugins) ==
        std::vector<fs::path>{"/flag", "/one", "/two", user, installed});

  unsetenv("KVHOST_PLUGIN_PATH");
  unsetenv("XDG_DATA_HOME");
  setenv("HOME", temp.path().c_str(), 1);
  const fs::path home = temp.folder(".local/share/kvhost/plugins");
  CHECK(registry::default_search_path({}, "/nowhere/bin/kvhost") == std::vector<fs::path>{home});
}

TEST_CASE("the describe tool lies beside the program, the cache in the user's cache folder") {
  CHECK(registry::default_describe("/opt/bin/kvhost") == "/opt/bin/kvhost-describe");
  setenv("XDG_CACHE_HOME", "/caches", 1);
  CHECK(registry::default_cache_file() == "/caches/kvhost/registry-1.json");
  unsetenv("XDG_CACHE_HOME");
  CHECK(registry::executable_path().filename() == "test_registry");
}
