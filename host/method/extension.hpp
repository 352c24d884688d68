// SPDX-License-Identifier: Apache-2.0
// Optional parts of a method, by id, looked at before anything in them is read.
#pragma once

#include "method/instance.hpp"

namespace kvhost {

// Null when the method has none of that id. All of them begin with struct_size and a reserved field;
// throws Error(CannotLoad) naming method, part and cure where it is smaller than `least`, the size
// that ABI 1.0 gave it (layout_parts.h), or uses what is reserved.
const void* checked_extension(const Instance& method, const char* id, uint32_t least);

template <class Part>
const Part* extension_of(const Instance& method, const char* id, uint32_t least) {
  return static_cast<const Part*>(checked_extension(method, id, least));
}

// The same of functions that came along with such a part: `what` is said of them.
void check_part(const Instance& method, const char* what, const void* part, uint32_t least);

}  // namespace kvhost
