/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

/* load.opens: has a method of every number, whatever its count says. */
static const kvh_method* any_method(uint32_t index) {
  (void)index;
  static const kvh_method method = {.struct_size = sizeof(kvh_method),
                                    .kind = KVH_KIND_SCORER,
                                    .flags = KVH_METHOD_PREFILL | KVH_METHOD_DECODE,
                                    .name = "zoo_load_opens",
                                    .summary = "One method more than it says",
                                    .reference = "nothing",
                                    .functions = &zoo_scorer};
  return &method;
}

#define zoo_method_at any_method
ZOO_PLUGIN(.name = "org.example.zoo_load_opens")
