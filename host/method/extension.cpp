// SPDX-License-Identifier: Apache-2.0
#include "method/extension.hpp"

#include "base/error.hpp"

namespace kvhost {

void check_part(const Instance& method, const char* what, const void* part, uint32_t least) {
  const auto* head = static_cast<const uint32_t*>(part);
  if (head[0] < least)
    cannot_load(method.name(),
                std::string("struct_size of its ") + what + " is " + std::to_string(head[0]) +
                    "; expected at least " + std::to_string(least) + ", as ABI 1.0 has it");
  if (head[1] != 0)
    cannot_load(method.name(),
                std::string("a reserved field of its ") + what + " is " + std::to_string(head[1]) +
                    "; expected 0, or a newer kvhost");
}

const void* checked_extension(const Instance& method, const char* id, uint32_t least) {
  const void* part = method.extension(id);
  if (part) check_part(method, id, part, least);
  return part;
}

}  // namespace kvhost
