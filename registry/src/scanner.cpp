// SPDX-License-Identifier: Apache-2.0
#include "scanner.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "child.hpp"
#include "library.hpp"
#include "small_file.hpp"

namespace kvhost::registry {
namespace {

namespace fs = std::filesystem;

// Files with this ending, sorted: the order of a scan must not depend on the file system.
std::vector<fs::path> files_ending(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    const bool ends = name.size() > ending.size() &&
                      name.compare(name.size() - ending.size(), ending.size(), ending) == 0;
    if (ends && entry.is_regular_file(failed)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The manifest beside the library; nothing when there is none. Throws Refusal when it is malformed.
std::optional<Manifest> manifest_beside(const fs::path& library) {
  constexpr size_t kMostBytes = 8 << 20;
  try {
    const std::optional<nlohmann::json> found =
        read_small_json(manifest_path(library), kMostBytes);
    if (!found) return std::nullopt;
    return manifest_from_json(*found);
  } catch (const std::exception& error) {
    throw Refusal("manifest",
                  manifest_path(library).filename().string() + ": " + error.what() +
                      "; expected what kvhost-describe writes; delete it to have it made anew");
  }
}

// Versions are refused from the manifest alone, with the same words as on loading.
void check_abi(const AbiInfo& abi) {
  kvh_plugin plugin = {};
  plugin.magic = KVH_MAGIC;
  plugin.struct_size = sizeof(kvh_plugin);
  plugin.abi_major = abi.major;
  plugin.abi_minor = abi.minor;
  plugin.abi_minor_required = abi.minor_required;
  check_plugin_header(plugin, AbiRange{});
}

}  // namespace

void Scanner::add_folder(const fs::path& folder) {
  std::error_code failed;
  const fs::path absolute = fs::weakly_canonical(fs::absolute(folder), failed);
  if (!fs::is_directory(absolute, failed)) {
    failures.push_back({absolute, "folder", "is no folder; expected one that holds plugins"});
    return;
  }
  if (std::find(folders_.begin(), folders_.end(), absolute) != folders_.end()) return;
  folders_.push_back(absolute);
  for (const fs::path& library : files_ending(absolute, ".so")) add_library(library);
  report_orphans(absolute);
}

void Scanner::add_library(const fs::path& library) {
  Manifest manifest;
  std::string reason;
  const auto fail = [&](const std::string& stage, const std::string& what) {
    failures.push_back({library, stage, reason.empty() ? what : what + "; it " + reason});
  };
  try {
    manifest = manifest_of(library, reason);
    check_abi(manifest.abi);
    if (manifest.torch) check_torch(*manifest.torch);
  } catch (const Refusal& refusal) {
    return fail(refusal.stage(), refusal.what());
  } catch (const std::exception& error) {
    return fail("manifest", error.what());
  }
  if (!reason.empty()) {
    reason += " and was described anew; if that was meant, `kvhost-describe " + library.string() +
              " --out " + manifest_path(library).string() + "` makes a new manifest";
    altered.push_back({library, reason});
  }
  for (MethodInfo& method : manifest.methods) {
    method.library = library;
    method.altered = reason;
    add_method(std::move(method), library);
  }
}

Manifest Scanner::manifest_of(const fs::path& library, std::string& reason) {
  std::optional<Manifest> beside = manifest_beside(library);
  if (!is_elf(library)) {  // before all of it is read
    if (beside) reason = "was altered after its manifest was made";
    throw Refusal("load", "is no library (invalid ELF header); expected one built for this system");
  }
  const std::string sha256 = cache_.sha256(library);
  if (beside && beside->sha256 == sha256) return *std::move(beside);
  if (beside) {
    reason = "was altered after its manifest was made (SHA-256 " + sha256.substr(0, 12) + "..., " +
             manifest_path(library).filename().string() + " says " + beside->sha256.substr(0, 12) +
             "...)";
  }
  return described(library, sha256);
}

// What is known of these bytes, or what the describe tool says of them now.
Manifest Scanner::described(const fs::path& library, const std::string& sha256) {
  if (const nlohmann::json* known = cache_.described(sha256)) {
    try {
      return manifest_from_json(*known);
    } catch (const std::exception&) {
      return describe(library, sha256);  // of an older kvhost
    }
  }
  if (const std::optional<ScanFailure> failure = cache_.failed(sha256)) {
    throw Refusal(failure->stage, failure->reason);
  }
  return describe(library, sha256);
}

// One deadline for all: libraries that hang do not add up.
std::chrono::milliseconds Scanner::time_left() {
  const auto left = kScanDeadline - describing_;
  if (left > std::chrono::milliseconds(100)) return std::min(left, kDescribeDeadline);
  throw Refusal("describe",
                "was not described: others used up the " +
                    std::to_string(kScanDeadline.count() / 1000) +
                    " s that a scan may take; expected a manifest beside it, which `kvhost-describe "
                    "LIB --out FILE` writes");
}

Manifest Scanner::describe(const fs::path& library, const std::string& sha256) {
  // The dynamic loader would say that some function is missing, and not why.
  if (const auto torch = torch_record(library)) check_torch(*torch);
  const auto left = time_left();
  const auto begin = std::chrono::steady_clock::now();
  const auto spend = [&] {
    describing_ += std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
  };
  try {
    Manifest manifest = describe_in_child(describe_, library, left);
    spend();
    cache_.remember(sha256, to_json(manifest));
    return manifest;
  } catch (const Refusal& refusal) {
    spend();
    // What a busy machine may have caused is not held against the library.
    if (refusal.stage() == "busy") throw Refusal("describe", refusal.what());
    cache_.remember_failure(sha256, {library, refusal.stage(), refusal.what()});
    throw;
  }
}

// Takes a name or alias for a library. Earlier folders win; inside one folder the first file does,
// and the second is a failure, because nothing says which one was meant.
bool Scanner::claim(const std::string& name, const fs::path& library) {
  const size_t folder = folders_.size() - 1;
  const auto [owner, is_new] = owners_.insert({name, {library, folder}});
  if (is_new) return true;
  if (owner->second.folder != folder) {
    shadowed.push_back({name, owner->second.library, library});
  } else {
    failures.push_back(
        {library,
         "manifest",
         "brings '" + name + "', which " + owner->second.library.string() +
             " brings too; expected every name once in a folder; remove one of them"});
  }
  return false;
}

void Scanner::add_method(MethodInfo method, const fs::path& library) {
  if (!claim(method.name, library)) return;
  std::vector<std::string> aliases;
  for (const std::string& alias : method.aliases) {
    if (claim(alias, library)) aliases.push_back(alias);
  }
  method.aliases = aliases;
  methods.push_back(std::move(method));
}

void Scanner::finish() {
  for (MethodInfo& method : methods)
    for (const Shadowed& hidden : shadowed) {
      const auto& aliases = method.aliases;
      const bool same = hidden.used == method.library &&
                        (hidden.name == method.name ||
                         std::find(aliases.begin(), aliases.end(), hidden.name) != aliases.end());
      if (same && method.rival.empty())
        method.rival = "brings '" + hidden.name + "', and so does " +
                       plain(hidden.ignored.string()) +
                       ", which is not used (see --prefer-plugins)";
    }
}

void Scanner::report_orphans(const fs::path& folder) {
  const std::string ending = ".kvh.json";
  for (const fs::path& manifest : files_ending(folder, ending)) {
    std::string library = manifest.string();
    library.replace(library.size() - ending.size(), ending.size(), ".so");
    if (fs::exists(library)) continue;
    failures.push_back(
        {library, "manifest", "is absent; " + manifest.filename().string() + " describes it"});
  }
}

}  // namespace kvhost::registry
