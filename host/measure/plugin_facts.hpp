// SPDX-License-Identifier: Apache-2.0
// Which library a method came from, so that a result can be told from that of another build.
#pragma once

#include <string>

namespace kvhost {

struct PluginFacts {
  std::string method;   // its name
  std::string library;  // the file
  std::string sha256;   // of the bytes that were loaded
};

}  // namespace kvhost
