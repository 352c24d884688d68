/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "../zoo.h"

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  (void)self, (void)state, (void)out;
  const struct timespec millisecond = {0, 1000000};
  while (!layer->exec->cancelled(layer->exec)) nanosleep(&millisecond, 0);
  error->code = KVH_E_CANCELLED;
  return KVH_E_CANCELLED;
}
static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};

ZOO_METHOD("zoo_hang", .functions = &scorer, .summary = "Sleeps until the host cancels")
ZOO_PLUGIN(.name = "org.example.zoo_hang")
