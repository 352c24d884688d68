// SPDX-License-Identifier: Apache-2.0
// A static initialiser that throws: nothing above it can catch.
#include <kvhost/base.h>

#include <stdexcept>

namespace {

int fail() { throw std::runtime_error("no zoo without a keeper"); }
const int failed = fail();

}  // namespace

extern "C" KVH_EXPORT const int kvhost_plugin_v1 = failed;
