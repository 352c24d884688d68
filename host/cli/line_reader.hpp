// SPDX-License-Identifier: Apache-2.0
// Lines that a person types: with editing and history on a terminal (libedit), plain elsewhere.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace kvhost {

class LineReader {
 public:
  // `history`: a file that keeps the lines of earlier times; "": none.
  LineReader(std::string prompt, const std::filesystem::path& history);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // Without the newline; none at the end of the input. Ctrl-C gives an empty line.
  std::optional<std::string> next();

 private:
  struct Terminal;
  std::unique_ptr<Terminal> terminal_;  // null: standard input is no terminal
};

}  // namespace kvhost
