// SPDX-License-Identifier: Apache-2.0
// Methods that nobody wrote, for catalogues of tests.
#pragma once

#include <string>

#include "kvhost/method.h"
#include "registry/catalog.hpp"

namespace kvhost::test {

inline registry::MethodInfo method(registry::Kind kind,
                                   const std::string& name,
                                   const std::string& default_inner = "") {
  registry::MethodInfo info;
  info.kind = kind;
  info.name = name;
  info.default_inner = default_inner;
  info.flags = KVH_METHOD_PREFILL;
  info.library = "/plugins/lib" + name + ".so";
  return info;
}

}  // namespace kvhost::test
