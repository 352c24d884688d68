// SPDX-License-Identifier: Apache-2.0
#include "base/context.hpp"

#include "base/error.hpp"

namespace kvhost {

void Context::check() const {
  if (is_cancelled())
    throw Error(ExitCode::Interrupted, "", "interrupted; nothing more was written");
}

}  // namespace kvhost
