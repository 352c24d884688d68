// SPDX-License-Identifier: Apache-2.0
#include "kit/project.hpp"

#include <functional>
#include <string_view>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/shell.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

constexpr const char* kCache = "CMakeCache.txt";
constexpr const char* kCargo = "Cargo.toml";
constexpr const char* kMade = "CACHEDIR.TAG";  // cargo puts it where nothing is a source

bool builds(const fs::path& folder) {
  return fs::exists(folder / kCache) || fs::exists(folder / kCargo);
}

fs::path build_above(const fs::path& library) {
  for (fs::path folder = library.parent_path(); folder.has_relative_path(); folder = folder.parent_path())
    if (builds(folder)) return folder;
  return {};
}

// Where cmake found CMakeLists.txt.
fs::path source_folder_of(const fs::path& build) {
  const std::string cache = read_file(build / kCache, ExitCode::BadRequest);
  constexpr std::string_view kKey = "CMAKE_HOME_DIRECTORY:INTERNAL=";
  const size_t at = cache.find(kKey);
  if (at == std::string::npos)
    bad_request((build / kCache).string(), "names no CMAKE_HOME_DIRECTORY; expected a configured folder");
  const size_t begin = at + kKey.size();
  return cache.substr(begin, cache.find('\n', begin) - begin);
}

bool is_source(const fs::path& file) {
  for (const char* ending : {".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".cu", ".rs", ".txt", ".cmake", ".toml"})
    if (file.extension() == ending) return true;
  return false;
}

uint64_t stamp_of(const fs::path& file) {
  std::error_code gone;
  const auto time = fs::last_write_time(file, gone);
  if (gone) return 1;
  const uint64_t name = std::hash<std::string>()(file.string());
  return name * 31 + static_cast<uint64_t>(time.time_since_epoch().count()) + fs::file_size(file, gone);
}

}  // namespace

Project::Project(fs::path library, const fs::path& build)
    : library_(fs::absolute(std::move(library)).lexically_normal()), build_(build) {
  if (build_.empty()) build_ = build_above(library_);
  if (build_.empty()) return;
  if (!builds(build_))
    bad_request(build_.string(),
                "holds no CMakeCache.txt; expected a folder that cmake has configured, or one with Cargo.toml");
  source_ = fs::exists(build_ / kCache) ? source_folder_of(build_) : build_;
}

std::string Project::rebuild() const {
  if (build_.empty()) return "";
  const bool debug = library_.parent_path().filename() == "debug";
  const std::string command =
      fs::exists(build_ / kCache) ? "cmake --build " + shell_word(build_.string())
                                  : std::string("cargo build --offline --lib ") + (debug ? "" : "--release ") +
                                        "--manifest-path " + shell_word((build_ / kCargo).string());
  const auto said = said_by(command + " 2>&1");
  if (!said) return command + ": cannot be started";
  return said->well() ? "" : said->text.empty() ? "failed without words" : said->text;
}

uint64_t Project::stamp() const {
  if (source_.empty()) return stamp_of(library_);
  constexpr int kMost = 10'000;  // files; a folder of more is no plugin's project
  uint64_t sum = 0;
  int n = 0;
  std::error_code gone;
  for (fs::recursive_directory_iterator file(source_, fs::directory_options::skip_permission_denied, gone), end;
       !gone && file != end && n < kMost;
       file.increment(gone), ++n) {
    const bool hidden = file->path().filename().string().front() == '.';
    const bool made = fs::exists(file->path() / kCache) || fs::exists(file->path() / kMade);
    if (file->is_directory(gone) && (hidden || made)) {
      file.disable_recursion_pending();
    } else if (is_source(file->path())) {
      sum += stamp_of(file->path());  // in whatever order they are found
    }
  }
  return sum;
}

}  // namespace kvhost
