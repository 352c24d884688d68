// SPDX-License-Identifier: Apache-2.0
// What comes from a hub that works, and where it is put.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "fake_hub.hpp"

namespace kvhost::test {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

TEST_CASE("a model comes from the hub into the layout of huggingface_hub") {
  FakeHub hub;
  const CacheFolder cache;
  const Fetched fetched = fetch_from_hub({"org/m"}, place_of(hub, cache), quick());

  const fs::path snapshot = cache.repository / "snapshots" / FakeHub::kCommit;
  CHECK(fetched.model == snapshot);
  CHECK(fetched.commit == FakeHub::kCommit);
  CHECK(names_in(snapshot) ==
        Names{"chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"});
  CHECK(fs::read_symlink(snapshot / "config.json") ==
        "../../blobs/" + git_id(hub.small["config.json"]));
  CHECK(fs::read_symlink(snapshot / "model.safetensors") ==
        "../../blobs/" + large_id(hub.large["model.safetensors"]));
  CHECK(bytes_of(snapshot / "model.safetensors") == hub.large["model.safetensors"]);
  CHECK(bytes_of(cache.repository / "refs" / "main") == FakeHub::kCommit);
  CHECK(names_in(cache.repository / "blobs").size() == 4);
  CHECK(fetched.files.size() == 4);
  for (const auto& file : fetched.files) CHECK(file.came);
}

TEST_CASE("a second run asks no server, unless it is to update") {
  FakeHub hub;
  const CacheFolder cache;
  fetch_from_hub({"org/m"}, place_of(hub, cache), quick());
  hub.server.forget();
  const Fetched again = fetch_from_hub({"org/m"}, place_of(hub, cache), quick());
  CHECK(hub.server.asked().empty());
  CHECK_FALSE(again.asked);
  CHECK(again.files.size() == 4);
  CHECK(again.commit == FakeHub::kCommit);

  HubRequest update{"org/m"};
  update.update = true;
  const Fetched updated = fetch_from_hub(update, place_of(hub, cache), quick());
  CHECK(hub.server.count("GET", "/api/models/org/m/revision/main") == 1);
  CHECK(hub.server.count("GET", "/org/m/resolve/") == 0);
  for (const auto& file : updated.files) CHECK_FALSE(file.came);

  fs::remove(fs::canonical(again.model / "model.safetensors"));  // a link to nothing is not there
  CHECK(fetch_from_hub({"org/m"}, place_of(hub, cache), quick()).asked);
  CHECK(bytes_of(again.model / "model.safetensors") == hub.large["model.safetensors"]);
}

TEST_CASE("the shards that an index lists come, and no other safetensors") {
  FakeHub hub;
  const CacheFolder cache;
  hub.large = {{"a-1.safetensors", "one"}, {"a-2.safetensors", "two"}, {"b.safetensors", "three"}};
  hub.small["model.safetensors.index.json"] =
      R"({"weight_map": {"x": "a-1.safetensors", "y": "a-2.safetensors", "z": "a-1.safetensors"}})";
  const Fetched fetched = fetch_from_hub({"org/m"}, place_of(hub, cache), quick());
  CHECK(names_in(fetched.model) == Names{"a-1.safetensors",
                                         "a-2.safetensors",
                                         "chat_template.jinja",
                                         "config.json",
                                         "model.safetensors.index.json",
                                         "tokenizer.json"});
  hub.server.forget();
  fetch_from_hub({"org/m"}, place_of(hub, cache), quick());
  CHECK(hub.server.asked().empty());

  hub.large.erase("a-2.safetensors");
  const CacheFolder other;
  CHECK_THAT(
      failure([&] { fetch_from_hub({"org/m"}, place_of(hub, other), quick()); }),
      Catch::Contains("org/m: model.safetensors.index.json lists 'a-2.safetensors'; expected"));
}

TEST_CASE("one GGUF file of several comes by its name, a split one with all its parts") {
  FakeHub hub;
  const CacheFolder cache;
  hub.large = {{"m-q4.gguf", "GGUF4"},
               {"q8/m-00001-of-00002.gguf", "GGUF1"},
               {"q8/m-00002-of-00002.gguf", "GGUF2"},
               {"mmproj.gguf", "GGUFm"}};
  const auto fetch = [&](const std::string& file) {
    return fetch_from_hub({"org/m", "main", file}, place_of(hub, cache), quick());
  };
  CHECK_THAT(failure([&] { fetch(""); }),
             Catch::Contains("holds 2 GGUF models") && Catch::Contains("--file m-q4.gguf"));
  CHECK(fetch("m-q4.gguf").model.filename() == "m-q4.gguf");
  const Fetched split = fetch("m-00002-of-00002.gguf");
  CHECK(split.model.filename() == "m-00001-of-00002.gguf");
  CHECK(split.files.size() == 2);
  CHECK(bytes_of(split.folder / "q8/m-00002-of-00002.gguf") == "GGUF2");
  CHECK_THAT(failure([&] { fetch("m-q5.gguf"); }), Catch::Contains("did you mean 'm-q4.gguf'?"));
  hub.server.forget();
  CHECK_FALSE(fetch("m-00001-of-00002.gguf").asked);
  CHECK(hub.server.asked().empty());

  const CacheFolder other;  // the only one needs no name
  hub.large = {{"m-q4.gguf", "GGUF4"}};
  CHECK(fetch_from_hub({"org/m"}, place_of(hub, other), quick()).model.filename() == "m-q4.gguf");
}

TEST_CASE("a commit, a branch and its encoded name are revisions") {
  FakeHub hub;
  const CacheFolder cache;
  std::string target;
  hub.instead = [&](const Asked& asked) -> std::optional<Reply> {
    if (!asked.target.starts_with("/api/")) return std::nullopt;
    target = asked.target;
    Asked main = asked;
    main.target = "/api/models/org/m/revision/main";
    return hub.usual(main);
  };
  fetch_from_hub({"org/m", "refs/pr/1"}, place_of(hub, cache), quick());
  CHECK(target == "/api/models/org/m/revision/refs%2Fpr%2F1");
  CHECK(bytes_of(cache.repository / "refs/refs/pr/1") == FakeHub::kCommit);
  hub.server.forget();
  CHECK_FALSE(fetch_from_hub({"org/m", FakeHub::kCommit}, place_of(hub, cache), quick()).asked);
  CHECK(hub.server.asked().empty());
  for (const char* revision : {"", "../main", "/main", "a/../../b"})
    CHECK_THAT(failure([&] { fetch_from_hub({"org/m", revision}, place_of(hub, cache), quick()); }),
               Catch::Contains("--revision: found '"));
}

TEST_CASE("what is no hub id is refused") {
  FakeHub hub;
  const CacheFolder cache;
  for (const char* id : {"", "m", "/m", "org/", "org/m/x", "../m", "org/..", "org/a b", "org/m?x"})
    CHECK_THAT(failure([&] { fetch_from_hub({id}, place_of(hub, cache), quick()); }),
               Catch::Contains("expected ORG/NAME"));
  CHECK(hub.server.asked().empty());
}

TEST_CASE("offline, what is there is found and the rest is refused") {
  FakeHub hub;
  const CacheFolder cache;
  HubPlace place = place_of(hub, cache);
  place.offline = true;
  CHECK_THAT(failure([&] { fetch_from_hub({"org/m"}, place, quick()); }),
             Catch::Contains("HF_HUB_OFFLINE is set"));
  CHECK(hub.server.asked().empty());
  fetch_from_hub({"org/m"}, place_of(hub, cache), quick());
  CHECK(fetch_from_hub({"org/m"}, place, quick()).files.size() == 4);
}

TEST_CASE("endpoint and token are where huggingface_hub looks") {
  const CacheFolder cache;
  for (const char* name : {"HF_TOKEN",
                           "HUGGING_FACE_HUB_TOKEN",
                           "HF_TOKEN_PATH",
                           "HF_ENDPOINT",
                           "HF_HUB_OFFLINE",
                           "TRANSFORMERS_OFFLINE",
                           "HF_HUB_DISABLE_IMPLICIT_TOKEN"})
    unsetenv(name);
  setenv("HF_HOME", cache.folder.c_str(), 1);
  CHECK(hub_place(cache.hub).endpoint == "https://huggingface.co");
  CHECK(hub_place(cache.hub).token.empty());
  CHECK_FALSE(hub_place(cache.hub).offline);
  std::ofstream(cache.folder / "token") << " hf_file\n";
  CHECK(hub_place(cache.hub).token == "hf_file");
  setenv("HF_TOKEN", "hf_own\r\nX: y", 1);  // no header of its own
  CHECK(hub_place(cache.hub).token == "hf_file");
  setenv("HF_TOKEN", "hf_own", 1);
  setenv("HF_ENDPOINT", "http://mirror:8080/hf/", 1);
  setenv("HF_HUB_OFFLINE", "yes", 1);
  CHECK(hub_place(cache.hub).token == "hf_own");
  CHECK(hub_place(cache.hub).endpoint == "http://mirror:8080/hf");
  CHECK(hub_place(cache.hub).offline);
  setenv("HF_ENDPOINT", "mirror", 1);
  CHECK_THAT(failure([&] { hub_place(cache.hub); }),
             Catch::Contains("HF_ENDPOINT: found 'mirror'"));
  for (const char* name : {"HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HOME"}) unsetenv(name);
}

}  // namespace kvhost::test
