// SPDX-License-Identifier: Apache-2.0
#include "base/shell.hpp"

#include <array>
#include <cstdio>

namespace kvhost {

std::string shell_word(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string Said::last_line() const {
  const size_t end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  const size_t before = text.rfind('\n', end);
  const size_t begin = before == std::string::npos ? 0 : before + 1;
  return text.substr(begin, end + 1 - begin);
}

std::optional<Said> said_by(const std::string& command) {
  FILE* output = popen(command.c_str(), "r");
  if (!output) return std::nullopt;
  Said said;
  std::array<char, 4096> part{};
  while (std::fgets(part.data(), part.size(), output)) said.text += part.data();
  said.status = pclose(output);
  return said;
}

}  // namespace kvhost
