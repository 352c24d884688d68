// SPDX-License-Identifier: Apache-2.0
// What --model may say, in a home of its own.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "input/gguf_files.hpp"
#include "input/paths.hpp"
#include "temp_folder.hpp"

namespace kvhost {

namespace {

namespace fs = std::filesystem;

class Home {
 public:
  Home() {
    setenv("HOME", folder.c_str(), 1);
    for (const char* name : {"KVHOST_MODELS",
                             "XDG_DATA_HOME",
                             "XDG_CACHE_HOME",
                             "HF_HOME",
                             "HF_HUB_CACHE",
                             "HUGGINGFACE_HUB_CACHE"})
      unsetenv(name);
  }

  fs::path write(const fs::path& name, const std::string& bytes = "GGUF\3") const {
    return temporary.write(name, bytes);
  }

  kvhost::test::TempFolder temporary;
  fs::path folder = temporary.path();
};

std::string refusal(const std::string& name) {
  try {
    return "resolved to " + resolve_model(name).string();
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a GGUF file is a model, whatever its name") {
  const Home home;
  CHECK(resolve_model(home.write("m.gguf")) == home.folder / "m.gguf");
  CHECK(resolve_model(home.write("blob")) == home.folder / "blob");
  CHECK_THAT(refusal(home.write("m.bin", "GGU")), Catch::Contains("is a file; expected"));
}

TEST_CASE("a folder stands for its one GGUF file") {
  const Home home;
  const fs::path q4 = home.write("a/q4.gguf");
  CHECK(resolve_model(home.folder / "a") == q4);
  home.write("a/mmproj-f16.gguf");
  CHECK(resolve_model(home.folder / "a") == q4);
  home.write("a/q8.gguf");
  CHECK_THAT(refusal(home.folder / "a"),
             Catch::Contains("holds 2 GGUF models (q4.gguf, q8.gguf)") &&
                 Catch::Contains("--model " + q4.string()));

  const fs::path first = home.write("split/m-00001-of-00003.gguf");
  home.write("split/m-00002-of-00003.gguf");
  home.write("split/m-00003-of-00003.gguf");
  CHECK(resolve_model(home.folder / "split") == first);
}

TEST_CASE("config.json with safetensors comes before a GGUF file beside it, without them after") {
  const Home home;
  home.write("m/config.json", "{}");
  CHECK(resolve_model(home.folder / "m") == home.folder / "m");
  const fs::path gguf = home.write("m/q4.gguf");
  CHECK(resolve_model(home.folder / "m") == gguf);
  home.write("m/model.safetensors", "");
  CHECK(resolve_model(home.folder / "m") == home.folder / "m");
}

TEST_CASE("a fetched model has a name, in the user's folder of models") {
  const Home home;
  const fs::path gguf = home.write(".local/share/kvhost/models/mine/q4.gguf");
  home.write(".local/share/kvhost/models/empty/LICENSE");
  CHECK(resolve_model("mine") == gguf);
  CHECK(fetched_models() == std::vector<std::string>{"mine"});
  CHECK_THAT(refusal("mnie"), Catch::Contains("did you mean 'mine'?"));
  CHECK_FALSE(fetched_model("../models/mine"));
  CHECK_FALSE(fetched_model(""));

  setenv("XDG_DATA_HOME", (home.folder / "data").c_str(), 1);
  const fs::path other = home.write("data/kvhost/models/other/q4.gguf");
  CHECK(resolve_model("other") == other);
  setenv("KVHOST_MODELS", (home.folder / "own").c_str(), 1);
  const fs::path third = home.write("own/third/q4.gguf");
  CHECK(resolve_model("third") == third);
}

TEST_CASE("a hub id is looked for where huggingface_hub keeps it") {
  const Home home;
  const fs::path snapshots = ".cache/huggingface/hub/models--org--m/snapshots";
  CHECK_THAT(refusal("org/m"), Catch::Contains("get it with: kvhost fetch org/m"));
  const fs::path gguf = home.write(snapshots / "1" / "q4.gguf");
  CHECK(resolve_model("org/m") == gguf);
  home.write(snapshots / "2" / "config.json", "{}");
  home.write(snapshots.parent_path() / "refs/main", "1");
  CHECK(resolve_model("org/m") == gguf);
  home.write(snapshots.parent_path() / "refs/main", "2");
  CHECK(resolve_model("org/m") == home.folder / snapshots / "2");
  setenv("XDG_CACHE_HOME", (home.folder / "x").c_str(), 1);
  CHECK(hub_cache() == home.folder / "x/huggingface/hub");
  setenv("HF_HOME", "/h", 1);
  CHECK(hub_cache() == "/h/hub");
}

TEST_CASE("many names are told by a few") {
  CHECK(shown_names({"a", "b"}) == "a, b");
  CHECK(shown_names({"a", "b", "c", "d", "e", "f"}) == "a, b, c, d and 2 more");
}

}  // namespace kvhost
