// SPDX-License-Identifier: Apache-2.0
// The exception a method throws; the glue turns it into a kvh_error, so nothing crosses the
// boundary.
#pragma once

#include <stdexcept>
#include <string>

#include "plugin.h"

namespace kvhost::sdk {

class Error : public std::runtime_error {
 public:
  // `path`: JSON pointer of the offending parameter ("/params/window_size"), or empty.
  // `what`: what was found; what was expected.
  Error(kvh_status code, std::string path, const std::string& what)
      : std::runtime_error(what), code_(code), path_(std::move(path)) {}

  kvh_status code() const { return code_; }
  const std::string& path() const { return path_; }

 private:
  kvh_status code_;
  std::string path_;
};

// A parameter whose value passes the declared range but not the method.
[[noreturn]] inline void bad_parameter(const std::string& name, const std::string& what) {
  throw Error(KVH_E_CONFIG, "/params/" + name, what);
}

[[noreturn]] inline void need_missing(const std::string& what) {
  throw Error(KVH_E_NEED_MISSING, "", what);
}

[[noreturn]] inline void bad_shape(const std::string& what) { throw Error(KVH_E_SHAPE, "", what); }

[[noreturn]] inline void bad_resource(const std::string& path, const std::string& what) {
  throw Error(KVH_E_RESOURCE, path, what);
}

}  // namespace kvhost::sdk
