// SPDX-License-Identifier: Apache-2.0
#include "fake_hub.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.hpp"
#include "fetch/digest.hpp"

namespace kvhost::test {

namespace fs = std::filesystem;

namespace {

std::string id_of(Checksum::Kind kind, const std::string& bytes) {
  Digest digest(kind, static_cast<int64_t>(bytes.size()));
  digest.update(bytes.data(), bytes.size());
  return digest.hex();
}

}  // namespace

std::string git_id(const std::string& bytes) { return id_of(Checksum::Kind::GitBlob, bytes); }
std::string large_id(const std::string& bytes) { return id_of(Checksum::Kind::Sha256, bytes); }

FakeHub::FakeHub()
    : small{{"config.json", "{\"model_type\": \"llama\"}"},
            {"tokenizer.json", "{}"},
            {"chat_template.jinja", "{{ messages }}"},
            {"README.md", "# m"}},
      large{{"model.safetensors", std::string(300000, 's')},
            {"pytorch_model.bin", std::string(300000, 'p')}},
      server([this](const Asked& asked) {
        if (instead)
          if (auto reply = instead(asked)) return *reply;
        return usual(asked);
      }) {}

Reply bytes_for(const Asked& asked, const std::string& bytes) {
  const std::string range = asked.field("range");
  if (range.empty()) return {200, {}, bytes};
  const size_t from = std::stoul(range.substr(std::string("bytes=").size()));
  if (from >= bytes.size()) return {416, {}, ""};
  return {206,
          {{"Content-Range",
            "bytes " + std::to_string(from) + "-" + std::to_string(bytes.size() - 1) + "/" +
                std::to_string(bytes.size())}},
          bytes.substr(from)};
}

Reply FakeHub::usual(const Asked& asked) const {
  if (asked.target == "/api/models/org/m/revision/main") {
    nlohmann::json siblings = nlohmann::json::array();
    for (const auto* files : {&small, &large})
      for (const auto& [name, bytes] : *files) siblings.push_back({{"rfilename", name}});
    return {200, {}, nlohmann::json{{"sha", kCommit}, {"siblings", siblings}}.dump()};
  }
  if (asked.target.starts_with("/bytes/")) {
    const std::string path = asked.target.substr(7);
    return bytes_for(asked, large.at(path.substr(0, path.find('?'))));
  }
  const std::string files = std::string("/org/m/resolve/") + kCommit + "/";
  const std::string name = asked.target.starts_with(files) ? asked.target.substr(files.size()) : "";
  if (const auto found = small.find(name); found != small.end()) {
    Reply reply = bytes_for(asked, found->second);
    reply.fields["ETag"] = "\"" + git_id(found->second) + "\"";
    reply.fields["X-Repo-Commit"] = kCommit;
    return reply;
  }
  if (const auto found = large.find(name); found != large.end())
    return {302,
            {{"Location", elsewhere + "/bytes/" + name + "?signature=secret"},
             {"X-Linked-ETag", "\"" + large_id(found->second) + "\""},
             {"X-Linked-Size", std::to_string(found->second.size())},
             {"X-Repo-Commit", kCommit}},
            "Found"};
  return {404, {{"X-Error-Code", "EntryNotFound"}}, "not here"};
}

std::string bytes_of(const fs::path& file) {
  std::ostringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  return bytes.str();
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

FetchOptions quick() {
  FetchOptions options;
  options.patience.tries = 3;
  options.patience.first_wait = std::chrono::milliseconds(1);
  return options;
}

HubPlace place_of(const FakeHub& hub, const CacheFolder& cache, const std::string& token) {
  return {hub.server.url(), token, /*offline=*/false, cache.hub};
}

std::string failure(const std::function<void()>& fetch) {
  try {
    fetch();
  } catch (const Error& error) {
    const std::string what = error.what();
    CHECK(what.find('\n') == std::string::npos);
    return what;
  }
  FAIL("expected an error");
  return "";
}

}  // namespace kvhost::test
