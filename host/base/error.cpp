// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <algorithm>
#include <utility>

namespace kvhost {

std::string one_line(std::string text) {
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  std::replace_if(text.begin(), text.end(), control, ' ');
  return text;
}

Error::Error(ExitCode code, std::string where, const std::string& what)
    : std::runtime_error(one_line(where.empty() ? what : where + ": " + what)),
      code_(code),
      where_(std::move(where)) {}

void bad_request(const std::string& where, const std::string& what) {
  throw Error(ExitCode::BadRequest, where, what);
}

void cannot_load(const std::string& where, const std::string& what) {
  throw Error(ExitCode::CannotLoad, where, what);
}

void run_failed(const std::string& where, const std::string& what) {
  throw Error(ExitCode::RunFailed, where, what);
}

}  // namespace kvhost
