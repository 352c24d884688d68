// SPDX-License-Identifier: Apache-2.0
#include "fetch/hub_cache.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "base/error.hpp"
#include "base/output_file.hpp"
#include "fetch/digest.hpp"
#include "fetch/hub_files.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

// All files below a snapshot that are there with their bytes; names as the hub has them.
std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (fs::recursive_directory_iterator it(folder, ignored), end; it != end; it.increment(ignored))
    if (fs::is_regular_file(it->path(), ignored))
      names.push_back(it->path().lexically_relative(folder));  // links are not followed
  std::sort(names.begin(), names.end());
  return names;
}

bool has_tokenizer(const std::set<std::string>& names) {
  return names.contains("tokenizer.json") || names.contains("tokenizer.model") ||
         names.contains("tekken.json") || names.contains("spiece.model") ||
         (names.contains("vocab.json") && names.contains("merges.txt"));
}

bool has_weights(const fs::path& folder, const std::set<std::string>& names) {
  if (!names.contains(kWeightsIndex)) return names.contains("model.safetensors");
  const auto shards = index_shards(folder / kWeightsIndex);
  return std::includes(names.begin(), names.end(), shards.begin(), shards.end());
}

std::vector<std::string> chosen_of(const fs::path& folder, const std::string& gguf) {
  const auto all = files_below(folder);
  const std::set<std::string> names(all.begin(), all.end());
  try {
    if (!gguf.empty()) return choose_gguf("", all, gguf);
    const ChosenFiles chosen = choose_files("", all);
    if (chosen.small.empty()) return choose_gguf("", all, chosen.weights.front());
    if (!has_tokenizer(names) || !has_weights(folder, names)) return {};
    auto files = chosen.small;
    if (names.contains(kWeightsIndex)) {
      const auto shards = index_shards(folder / kWeightsIndex);
      files.insert(files.end(), shards.begin(), shards.end());
    }
    files.insert(files.end(), chosen.weights.begin(), chosen.weights.end());
    return files;
  } catch (const Error&) {
    return {};  // what is there is no model yet
  }
}

}  // namespace

HubCache::HubCache(const fs::path& cache, const std::string& id) {
  std::string name = id;
  for (size_t at = 0; (at = name.find('/', at)) != std::string::npos;) name.replace(at, 1, "--");
  repository_ = cache / ("models--" + name);
}

fs::path HubCache::blob(const std::string& etag) const { return repository_ / "blobs" / etag; }

fs::path HubCache::incomplete(const std::string& etag) const {
  return repository_ / "blobs" / (etag + ".incomplete");
}

fs::path HubCache::snapshot(const std::string& commit) const {
  return repository_ / "snapshots" / commit;
}

std::optional<std::string> HubCache::commit_of(const std::string& revision) const {
  if (is_hex(revision, 40)) return revision;
  std::string commit;
  std::ifstream(repository_ / "refs" / revision) >> commit;
  if (!is_hex(commit, 40)) return std::nullopt;
  return commit;
}

void HubCache::write_ref(const std::string& revision, const std::string& commit) const {
  if (is_hex(revision, 40)) return;
  const fs::path ref = repository_ / "refs" / revision;
  std::error_code ignored;
  fs::create_directories(ref.parent_path(), ignored);
  write_file(ref, [&](std::ostream& out) { out << commit; });
}

void HubCache::link(const std::string& commit,
                    const std::string& name,
                    const std::string& etag) const {
  const fs::path link = snapshot(commit) / name;
  std::error_code wrong;
  fs::create_directories(link.parent_path(), wrong);
  const fs::path target = blob(etag).lexically_relative(link.parent_path());
  if (fs::is_symlink(link) && fs::read_symlink(link) == target) return;
  const fs::path beside = link.string() + "." + std::to_string(getpid()) + ".partial";
  fs::remove(beside, wrong);
  fs::create_symlink(target, beside, wrong);
  if (!wrong) fs::rename(beside, link, wrong);
  if (wrong) run_failed(link.string(), "cannot be written: " + wrong.message());
}

std::vector<FetchedFile> HubCache::complete(const std::string& commit,
                                            const std::string& gguf) const {
  std::vector<FetchedFile> files;
  for (const auto& name : chosen_of(snapshot(commit), gguf)) {
    const fs::path path = snapshot(commit) / name;
    files.push_back({name, path, static_cast<int64_t>(fs::file_size(path)), false, "size"});
  }
  return files;
}

}  // namespace kvhost
