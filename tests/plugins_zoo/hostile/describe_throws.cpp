// SPDX-License-Identifier: Apache-2.0
// An exception that leaves a plugin's function: the boundary is noexcept, so the process ends.
#include <kvhost/plugin.h>

#include <stdexcept>

namespace {

const kvh_method* find(uint32_t index) {
  if (index == 0) throw std::runtime_error("thrown across the boundary");
  return nullptr;
}

const kvh_method* method(uint32_t index) noexcept { return find(index); }

}  // namespace

constexpr kvh_plugin kvhost_plugin_v1 = {KVH_MAGIC,
                                         sizeof(kvh_plugin),
                                         KVH_ABI_MAJOR,
                                         KVH_ABI_MINOR,
                                         /*abi_minor_required=*/0,
                                         /*n_methods=*/1,
                                         "org.example.zoo",
                                         "1.0.0",
                                         "Zoo",
                                         "Apache-2.0",
                                         /*open=*/nullptr,
                                         method};
