// SPDX-License-Identifier: Apache-2.0
// libtorch has a CHECK of its own, which ends the process. After all other includes.
#pragma once

#include <catch2/catch.hpp>

#undef CHECK
#define CHECK(...) \
  INTERNAL_CATCH_TEST("CHECK", Catch::ResultDisposition::ContinueOnFailure, __VA_ARGS__)
