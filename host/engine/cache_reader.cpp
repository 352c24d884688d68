// SPDX-License-Identifier: Apache-2.0
#include "engine/cache_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/error.hpp"
#include "engine/cache_tensors.hpp"

namespace kvhost {

CacheFile::CacheFile(const std::filesystem::path& path) : path_(path) {
  open();
  try {
    read_header();
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

void CacheFile::refuse(const std::string& what) const {
  cannot_load(path_.string(), what + "; make it again with kvhost compress");
}

void CacheFile::open() {
  fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not block
  if (fd_ < 0 && (errno == ENOENT || errno == ENOTDIR))
    bad_request(path_.string(),
                "no such file; expected a saved cache, as kvhost compress makes it");
  if (fd_ < 0) cannot_load(path_.string(), std::string("cannot be read: ") + std::strerror(errno));
}

void CacheFile::read_header() {
  struct stat status {};
  if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode))
    cannot_load(path_.string(), "is not a regular file; expected a saved cache");
  try {
    header_ = read_safetensors_file(path_);
  } catch (const Error& error) {
    refuse(std::string(error.what()).substr(error.where().size() + 2));  // behind "where: "
  }
  const auto schema = metadata().find("schema");
  if (schema == metadata().end())
    refuse("has no 'schema' in its metadata; expected a saved cache ('" +
           std::string(kCacheSchema) + "')");
  if (schema->second != kCacheSchema)
    refuse("has schema '" + schema->second + "'; expected '" + kCacheSchema +
           "' (made by another version of kvhost?)");
}

const StoredTensor* CacheFile::find(const std::string& name) const {
  const auto found = std::find_if(
      tensors().begin(), tensors().end(), [&](const StoredTensor& t) { return t.name == name; });
  return found == tensors().end() ? nullptr : &*found;
}

const StoredTensor& CacheFile::get(const std::string& name) const {
  const StoredTensor* found = find(name);
  if (found == nullptr) refuse("has no tensor '" + name + "'; expected one");
  return *found;
}

const std::string& CacheFile::text(const char* key) const {
  const auto found = metadata().find(key);
  if (found == metadata().end())
    refuse("has no '" + std::string(key) + "' in its metadata; expected one");
  return found->second;
}

int64_t CacheFile::number(const char* key, int64_t least, int64_t most) const {
  const std::string& written = text(key);
  int64_t value = 0;
  const char* end = written.data() + written.size();
  const auto [stop, failed] = std::from_chars(written.data(), end, value);
  if (failed != std::errc() || stop != end || value < least || value > most)
    refuse("has " + std::string(key) + " '" + written + "'; expected " + std::to_string(least) +
           " to " + std::to_string(most));
  return value;
}

void CacheFile::read(const StoredTensor& tensor, void* target) const {
  auto* to = static_cast<std::byte*>(target);
  for (int64_t left = tensor.bytes; left > 0;) {
    const auto offset = static_cast<off_t>(tensor.data - tensor.file->data()) + tensor.bytes - left;
    const ssize_t n = ::pread(fd_, to, static_cast<size_t>(left), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      cannot_load(path_.string(),
                  "reading stopped inside tensor '" + tensor.name +
                      "': " + (n < 0 ? std::strerror(errno) : "the file has become shorter"));
    to += n;
    left -= n;
  }
}

}  // namespace kvhost
