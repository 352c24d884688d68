// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <new>

#include "base/error.hpp"
#include "fuzz/fuzz.hpp"
#include "kvhost/error.hpp"

namespace kvhost::fuzz {

namespace fs = std::filesystem;

namespace {

std::vector<Target>& all() {
  static std::vector<Target> targets;
  return targets;
}

// One line that says what was found; what was expected.
std::string fault_of_message(const std::string& what) {
  const bool one_line = std::none_of(
      what.begin(), what.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!one_line) return "an error of several lines: " + what;
  if (what.find(';') == std::string::npos) return "an error without a cure: " + what;
  return "";
}

bool known(ExitCode code) {
  return code == ExitCode::BadRequest || code == ExitCode::CannotLoad ||
         code == ExitCode::RunFailed;
}

}  // namespace

Registered::Registered(const char* name, bool json, void (*read)(std::string_view)) {
  all().push_back({name, json, read});
}

const std::vector<Target>& targets() { return all(); }

std::string fault_of(const Target& target, std::string_view input) {
  try {
    target.read(input);
    return "";
  } catch (const Error& e) {
    if (!known(e.code())) return "an error of no known kind: " + std::string(e.what());
    return fault_of_message(e.what());
  } catch (const sdk::Error& e) {
    return fault_of_message(e.what());
  } catch (const std::bad_alloc&) {
    return "";  // what a sanitizer's limit says is said by the sanitizer
  } catch (const std::exception& e) {
    return "a raw exception: " + std::string(e.what());
  }
}

namespace {

struct Folder {
  Folder() {
    std::error_code ignored;
    const fs::path memory = "/dev/shm";
    const fs::path base = fs::is_directory(memory, ignored) ? memory : fs::temp_directory_path();
    path = base / ("kvhost-fuzz-" + std::to_string(getpid()));
    fs::create_directories(path);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

}  // namespace

const fs::path& folder() {
  static const Folder made;
  return made.path;
}

fs::path file(const std::string& name, std::string_view bytes) {
  const fs::path path = folder() / name;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

void clear_folder() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder(), ignored))
    fs::remove_all(entry.path(), ignored);
}

void files(std::string_view input, const std::string& first) {
  constexpr std::string_view kMark = "=== ";
  clear_folder();
  std::string name = first;
  while (true) {
    const size_t at = input.starts_with(kMark) ? 0 : input.find("\n=== ");
    const std::string_view body = input.substr(0, at);
    if (!name.empty()) file(name, body);
    if (at == std::string_view::npos) return;
    input.remove_prefix(at + (at == 0 && input.starts_with(kMark) ? 0 : 1) + kMark.size());
    const size_t end = std::min(input.find('\n'), input.size());
    name = std::string(input.substr(0, end));
    std::erase_if(name, [](unsigned char c) { return c == '/' || c < 0x21 || c > 0x7e; });
    if (name == "." || name == ".." || name.size() > 100) name.clear();
    input.remove_prefix(std::min(end + 1, input.size()));
  }
}

}  // namespace kvhost::fuzz
