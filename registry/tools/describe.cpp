// SPDX-License-Identifier: Apache-2.0
// kvhost-describe LIB [--out FILE]: opens one plugin, checks what it says of itself, prints its
// manifest.
//
// The build runs it after linking a plugin, and kvhost as a child process for libraries without a
// manifest: what crashes or hangs does so here. A refusal is one line on stderr, `kvhost-describe:
// error: [stage] LIB: reason`, and exit code 3; wrong arguments are exit code 2.
#include "describe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "library.hpp"

namespace {

namespace fs = std::filesystem;

int fail(int code, const std::string& text) {
  std::cerr << "kvhost-describe: error: " << text << "\n";
  return code;
}

// The stdout for the manifest: what the library prints from now on goes to stderr.
int keep_stdout() {
  const int kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  return kept;
}

bool write_all(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

// Beside and renamed, so that nobody reads half a manifest.
bool write_whole(const fs::path& path, const std::string& text) {
  const fs::path partial = path.string() + ".partial";
  {
    std::ofstream file(partial, std::ios::binary);
    file << text;
    file.close();
    if (!file) return false;
  }
  std::error_code failed;
  fs::rename(partial, path, failed);
  return !failed;
}

}  // namespace

int main(int argc, char** argv) {
  const bool has_out = argc == 4 && std::string(argv[2]) == "--out";
  if (argc != 2 && !has_out) {
    return fail(2, "arguments: expected kvhost-describe LIB [--out FILE]");
  }
  const fs::path library = argv[1];
  try {
    const int manifest_out = keep_stdout();
    const std::string text = to_json(kvhost::registry::describe_library(library)).dump(2) + "\n";
    if (!has_out) {
      return write_all(manifest_out, text)
                 ? 0
                 : fail(3, "[describe] the manifest cannot be written to stdout");
    }
    if (!write_whole(argv[3], text))
      return fail(3, std::string("[describe] ") + argv[3] + " cannot be written");
    return 0;
  } catch (const kvhost::registry::Refusal& refusal) {
    return fail(3, "[" + refusal.stage() + "] " + library.string() + ": " + refusal.what());
  } catch (const std::exception& error) {
    return fail(3, "[describe] " + library.string() + ": " + error.what());
  }
}
