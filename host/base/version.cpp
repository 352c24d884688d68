// SPDX-License-Identifier: Apache-2.0
#include "base/version.hpp"

namespace kvhost {

const char* version() { return KVHOST_VERSION; }

}  // namespace kvhost
