// SPDX-License-Identifier: Apache-2.0
#include "base/json_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace kvhost {

std::string read_file(const std::filesystem::path& path, ExitCode code) {
  std::error_code status;
  if (std::filesystem::is_directory(path, status))
    throw Error(code, path.string(), "is a folder; expected a file");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(code, path.string(), std::string("cannot be read: ") + std::strerror(errno));
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (in.bad()) throw Error(code, path.string(), "reading stopped half-way");
  return bytes.str();
}

namespace {

// "line 3, column 7" of a byte offset.
std::string line_and_column(const std::string& text, size_t byte) {
  const size_t end = std::min(byte, text.size());
  const auto line =
      1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
  const size_t start = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
  const size_t column = start == std::string::npos ? end : end - start - 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(std::max<size_t>(column, 1));
}

}  // namespace

nlohmann::json read_json(const std::filesystem::path& path, ExitCode code) {
  return parse_json(read_file(path, code), path.string(), code);
}

nlohmann::json parse_json(const std::string& text, const std::string& name, ExitCode code) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    throw Error(code, name, "not valid JSON at " + line_and_column(text, e.byte));
  }
}

void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& fill) {
  if (path == "-") {
    fill(std::cout);
    std::cout.flush();
    if (!std::cout) run_failed("stdout", std::string("cannot be written: ") + std::strerror(errno));
    return;
  }
  std::filesystem::path beside = path;
  beside += ".partial-" + std::to_string(getpid());
  const auto fail = [&](const std::string& what) {
    std::error_code ignored;
    std::filesystem::remove(beside, ignored);
    run_failed(path.string(), what);
  };
  {
    errno = 0;
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    if (!out) fail(std::string("cannot be written: ") + std::strerror(errno));
    fill(out);
    out.flush();
    if (!out) fail(std::string("cannot be written: ") + std::strerror(errno));
  }
  std::error_code renamed;
  std::filesystem::rename(beside, path, renamed);
  if (renamed) fail("cannot be written: " + renamed.message());
}

void write_json(const std::filesystem::path& path, const nlohmann::json& value) {
  write_file(path, [&](std::ostream& out) { out << value.dump(2) << '\n'; });
}

}  // namespace kvhost
