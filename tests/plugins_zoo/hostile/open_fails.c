/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../zoo.h"

static kvh_status refuse(const kvh_host* host, kvh_error* error) {
  (void)host;
  error->code = KVH_E_RESOURCE;
  strcpy(error->message, "the table of the zoo is absent");
  return KVH_E_RESOURCE;
}

ZOO_METHOD("open_fails", .flags = KVH_METHOD_PREFILL)
ZOO_PLUGIN(.open = refuse)
