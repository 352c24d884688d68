// SPDX-License-Identifier: Apache-2.0
// Entries behind every prompt for C++ authors (appendix.h). Beside what every scorer or wrapper has:
//
//   static const void* extension(const char* id) noexcept { return appendix_extension<M>(id); }
//   const Appended& appended() const;      stays as long as the instance
#pragma once

#include "appendix.h"
#include "sdk.hpp"

namespace kvhost::sdk {

struct Appended {
  int64_t n_rows = 0;
  const float* rows = nullptr;  // [n_rows, hidden_size]
  std::vector<kvh_low_rank> changes;
};

template <typename M>
const void* appendix_extension(const char* id) noexcept {
  struct Table {
    static kvh_status get(kvh_instance* instance, kvh_appended* out, kvh_error* error) noexcept {
      return guard(error, [&] {
        const Appended& given = Glue<M>::self(instance).appended();
        out->n_rows = given.n_rows;
        out->rows = given.rows;
        out->n_changes = static_cast<uint32_t>(given.changes.size());
        out->changes = given.changes.data();
      });
    }
  };
  static constexpr kvh_appendix table{sizeof(kvh_appendix), 0, Table::get};
  return std::strcmp(id, KVH_EXT_APPENDIX) == 0 ? &table : nullptr;
}

}  // namespace kvhost::sdk
