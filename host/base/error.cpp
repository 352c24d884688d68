// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <utility>

namespace kvhost {

Error::Error(ExitCode code, std::string where, const std::string& what)
    : std::runtime_error(where.empty() ? what : where + ": " + what),
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
