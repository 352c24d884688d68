// SPDX-License-Identifier: Apache-2.0
#include "scan_cache.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "sha256.hpp"
#include "small_file.hpp"

namespace kvhost::registry {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kCacheVersion = 3;  // 3: a digest tells whether it was damaged

// 0 for what is none: a damaged cache only means that a library is tried again.
int64_t whole(const json& value) { return value.is_number_integer() ? value.get<int64_t>() : 0; }

json empty_cache() {
  return {{"cache", kCacheVersion},
          {"environment", ""},
          {"files", json::object()},
          {"described", json::object()},
          {"failed", json::object()}};
}

bool holds_number(const json& object, const char* name) {
  return object.contains(name) && object.at(name).is_number_integer();
}

bool holds_text(const json& object, const char* name) {
  return object.contains(name) && object.at(name).is_string();
}

std::string digest_of(json root) {
  root.erase("digest");
  return sha256_text(root.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace));
}

// As it was written: everything that is read from it later has the type that it is read as.
bool is_cache(const json& root) {
  if (!root.is_object() || !holds_number(root, "cache") || root.at("cache") != kCacheVersion)
    return false;
  if (!holds_text(root, "digest") || root.at("digest") != digest_of(root)) return false;
  for (const char* part : {"files", "described", "failed"}) {
    if (!root.contains(part) || !root.at(part).is_object()) return false;
    for (const json& entry : root.at(part))
      if (!entry.is_object()) return false;
  }
  for (const json& failure : root.at("failed"))
    if (!holds_number(failure, "retry_after") || !holds_number(failure, "count") ||
        !holds_text(failure, "stage") || !holds_text(failure, "reason"))
      return false;
  return holds_text(root, "environment");
}

// Tells one state of a file from another. Whoever writes a file can set the time of its
// modification back, as copying and unpacking do, but not the time of its change.
json stamp_of(const fs::path& file) {
  struct stat status = {};
  if (stat(file.c_str(), &status) != 0)
    throw std::runtime_error("cannot be read; expected a library");
  const auto nanoseconds = [](const timespec& time) {
    return time.tv_sec * int64_t{1000000000} + time.tv_nsec;
  };
  return {{"size", status.st_size},
          {"modified", nanoseconds(status.st_mtim)},
          {"changed", nanoseconds(status.st_ctim)},
          {"inode", status.st_ino}};
}

int64_t retry_delay_s(int64_t count) {
  constexpr int64_t kMinute = 60, kHour = 3600, kDay = 86400;
  return count <= 1 ? kMinute : count == 2 ? kHour : kDay;
}

}  // namespace

ScanCache::ScanCache(fs::path file, std::string environment, int64_t now)
    : file_(std::move(file)),
      environment_(std::move(environment)),
      now_(now),
      root_(empty_cache()) {
  // A damaged cache is worth as much as none: it is made anew.
  try {
    constexpr size_t kMostBytes = 64 << 20;
    if (auto stored = read_small_json(file_, kMostBytes)) root_ = *std::move(stored);
  } catch (const std::exception&) {
    changed_ = true;
  }
  if (!is_cache(root_)) {
    root_ = empty_cache();
    changed_ = true;
  }
  if (root_.at("environment") != environment_) {
    root_["environment"] = environment_;
    root_["failed"] = json::object();
    changed_ = true;
  }
}

std::string ScanCache::sha256(const fs::path& library) {
  const json stamp = stamp_of(library);
  json& known = root_["files"][library.string()];
  if (known.is_object() && known.value("stamp", json()) == stamp && known.contains("sha256") &&
      known.at("sha256").is_string()) {
    return known.at("sha256");
  }
  const std::string sha256 = sha256_file(library);
  known = {{"stamp", stamp}, {"sha256", sha256}};
  changed_ = true;
  return sha256;
}

const json* ScanCache::described(const std::string& sha256) const {
  const auto known = root_.at("described").find(sha256);
  return known == root_.at("described").end() ? nullptr : &*known;
}

void ScanCache::remember(const std::string& sha256, const json& manifest) {
  root_["described"][sha256] = manifest;
  root_["failed"].erase(sha256);
  changed_ = true;
}

std::optional<ScanFailure> ScanCache::failed(const std::string& sha256) const {
  const auto known = root_.at("failed").find(sha256);
  if (known == root_.at("failed").end()) return std::nullopt;
  if (whole(known->at("retry_after")) <= now_) return std::nullopt;
  return ScanFailure{{}, known->at("stage"), known->at("reason")};
}

void ScanCache::remember_failure(const std::string& sha256, const ScanFailure& failure) {
  json& entry = root_["failed"][sha256];
  constexpr int64_t kMostCounted = 1000;  // the delay has long stopped growing
  const int64_t before = entry.is_object() ? whole(entry.value("count", json())) : 0;
  const int64_t count = std::clamp<int64_t>(before, 0, kMostCounted) + 1;
  entry = {{"stage", failure.stage},
           {"reason", failure.reason},
           {"at", now_},
           {"retry_after", now_ + retry_delay_s(count)},
           {"count", count}};
  changed_ = true;
}

bool ScanCache::save() const {
  if (file_.empty() || !changed_) return true;
  std::error_code failed;
  if (file_.has_parent_path()) fs::create_directories(file_.parent_path(), failed);
  const fs::path partial = file_.string() + "." + std::to_string(getpid());
  {
    std::ofstream stream(partial, std::ios::binary);
    json root = root_;
    root["digest"] = digest_of(root);
    stream << root.dump(1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
    stream.close();
    if (!stream) return false;
  }
  fs::rename(partial, file_, failed);
  return !failed;
}

}  // namespace kvhost::registry
