// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "fetch/partial_file.hpp"
#include "fetch/requests.hpp"

namespace kvhost {

struct Download {
  std::string url;
  std::string name;  // in messages
  Expected expected;
  std::filesystem::path partial, target;
};

// [0, expected.bytes] of this file are there.
using OnBytes = std::function<void(int64_t arrived)>;

// Brings a file, going on with what `partial` holds already, and renames it to `target` when its
// bytes are the expected ones; else Error, and `partial` stays unless its bytes were wrong.
void download(Requests& requests, const Download& what, const OnBytes& on_bytes);

}  // namespace kvhost
