// SPDX-License-Identifier: Apache-2.0
// A hub with one repository, org/m, that answers as huggingface.co does: small files itself, large
// ones by a redirect to where the bytes lie.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "fetch/hub.hpp"
#include "server.hpp"
#include "temp_folder.hpp"

namespace kvhost::test {

// Ids as the hub gives them.
std::string git_id(const std::string& bytes);
std::string large_id(const std::string& bytes);  // sha256

struct FakeHub {
  FakeHub();

  static constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

  std::map<std::string, std::string> small, large;  // name -> bytes
  std::string elsewhere;  // where large files lie: another server, or "" for this one
  // Asked before everything else; nothing: the usual answer.
  std::function<std::optional<Reply>(const Asked&)> instead;
  Server server;

  Reply usual(const Asked& asked) const;
};

// The bytes from where Range says, as a good server sends them.
Reply bytes_for(const Asked& asked, const std::string& bytes);

// A folder that goes away, and a hub cache in it.
struct CacheFolder {
  TempFolder temporary;
  std::filesystem::path folder = temporary.path(), hub = folder / "hub",
                        repository = hub / "models--org--m";
};

std::string bytes_of(const std::filesystem::path& file);
std::vector<std::string> names_in(const std::filesystem::path& folder);

// Three tries without waiting.
FetchOptions quick();
HubPlace place_of(const FakeHub& hub, const CacheFolder& cache, const std::string& token = "");

// What fetching says when it fails: one line, checked to be one.
std::string failure(const std::function<void()>& fetch);

}  // namespace kvhost::test
