// SPDX-License-Identifier: Apache-2.0
// Opens libraries that the catalog knows. Nothing is ever unloaded.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

#include "kvhost/plugin.h"
#include "registry/catalog.hpp"

namespace kvhost::registry {

// A library that cannot be used: what() says stage, file and reason in one line.
class LoadError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The method behind `info`: opens its library on first use (checks magic, sizes, version, that the
// library's bytes have the manifest's sha256, and that the descriptor equals the manifest), calls
// plugin->open once. Thread-safe. Throws LoadError.
//
// From here on the plugin's code runs in this process. Errors and, in plugins written with
// kvhost/sdk.hpp, exceptions come back as values; a crash, a hang or a foreign exception in a
// plugin cannot be contained here: who calls this says so beforehand, to whoever must tell of it.
// What was described in a child process has at least been opened once without harm.
//
// `before` is told what of the plugin runs next: a literal, "the constructors", "open()" or
// "method()". It must not throw.
const kvh_method* load(const MethodInfo& info,
                       const kvh_host& host,
                       const std::function<void(const char* function)>& before = {});

// What an extension of a loaded method hands out as a method of its own, checked like one that is
// listed; load() gives it back. Throws LoadError.
MethodInfo part_of(const MethodInfo& method, const kvh_method* part);

}  // namespace kvhost::registry
