// SPDX-License-Identifier: Apache-2.0
#include "base/json_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file_kind.hpp"

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
  const std::string text = bytes.str();
  if (is_lfs_pointer(text))
    throw Error(code, path.string(), mistaken_file(text, "the file itself"));
  return text;
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
    const std::string mistaken = mistaken_file(text, "JSON");
    throw Error(code,
                name,
                mistaken.empty() ? "not valid JSON at " + line_and_column(text, e.byte) : mistaken);
  }
}

void write_json(const std::filesystem::path& path, const nlohmann::json& value) {
  write_file(path, [&](std::ostream& out) { out << value.dump(2) << '\n'; });
}

}  // namespace kvhost
