// SPDX-License-Identifier: Apache-2.0
#include "small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace kvhost::registry {
namespace {

// Manifests and caches are six levels deep.
constexpr int kMostLevels = 64;

class Opened {
 public:
  // Does not wait for whoever would write to a pipe.
  explicit Opened(const std::filesystem::path& file)
      : fd_(open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {}
  ~Opened() {
    if (fd_ >= 0) close(fd_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::string contents(int fd, size_t most_bytes) {
  struct stat status {};
  if (fstat(fd, &status) != 0)
    throw std::runtime_error(std::string("cannot be read: ") + strerror(errno));
  if (!S_ISREG(status.st_mode)) throw std::runtime_error("is no regular file");
  if (status.st_size > static_cast<off_t>(most_bytes)) {
    throw std::runtime_error("has " + std::to_string(status.st_size) + " bytes; expected at most " +
                             std::to_string(most_bytes));
  }
  std::string text(static_cast<size_t>(status.st_size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = read(fd, text.data() + done, text.size() - done);
    if (n < 0) throw std::runtime_error(std::string("cannot be read: ") + strerror(errno));
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return text;
}

// A parser may be written without recursion, and what it made is still taken apart with it.
void check_levels(const std::string& text) {
  int level = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    if (quoted) continue;
    if (c == '{' || c == '[') ++level;
    if (c == '}' || c == ']') --level;
    if (level > kMostLevels)
      throw std::runtime_error("is nested deeper than " + std::to_string(kMostLevels) + " levels");
  }
}

}  // namespace

std::optional<nlohmann::json> read_small_json(const std::filesystem::path& file,
                                              size_t most_bytes) {
  const Opened opened(file);
  if (opened.fd() < 0) {
    if (errno == ENOENT) return std::nullopt;
    throw std::runtime_error(std::string("cannot be read: ") + strerror(errno));
  }
  const std::string text = contents(opened.fd(), most_bytes);
  check_levels(text);
  return nlohmann::json::parse(text);
}

bool is_elf(const std::filesystem::path& file) {
  const Opened opened(file);
  char magic[4] = {};
  return opened.fd() >= 0 && read(opened.fd(), magic, sizeof magic) == sizeof magic &&
         std::memcmp(magic, "\177ELF", sizeof magic) == 0;
}

}  // namespace kvhost::registry
