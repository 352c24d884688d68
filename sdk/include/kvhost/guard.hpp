// SPDX-License-Identifier: Apache-2.0
// Nothing is thrown across the boundary: what a method throws becomes a status and words.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "error.hpp"

namespace kvhost::sdk {

inline void copy_text(char* to, size_t capacity, const std::string& from) noexcept {
  size_t n = std::min(from.size(), capacity - 1);
  while (n < from.size() && n > 0 && (from[n] & 0xc0) == 0x80) --n;  // not inside a UTF-8 character
  std::memcpy(to, from.data(), n);
  to[n] = '\0';
}

inline kvh_status fail(kvh_error* error, kvh_status code, const char* path, const char* what) {
  if (error && error->struct_size >= KVH_ERROR_SIZE_1_0) {
    error->code = code;
    copy_text(error->path, sizeof error->path, path);
    copy_text(error->message, sizeof error->message, what);
  }
  return code;
}

// Runs `body`, and turns whatever it throws into a status.
template <typename Body>
kvh_status guard(kvh_error* error, const Body& body) noexcept {
  try {
    body();
    return KVH_OK;
  } catch (const Error& e) {
    return fail(error, e.code(), e.path().c_str(), e.what());
  } catch (const std::bad_alloc&) {
    return fail(error, KVH_E_OOM, "", "out of memory");
  } catch (const std::exception& e) {
    return fail(error, KVH_E_INTERNAL, "", e.what());
  } catch (...) {
    return fail(error, KVH_E_INTERNAL, "", "an exception that is no std::exception");
  }
}

}  // namespace kvhost::sdk
