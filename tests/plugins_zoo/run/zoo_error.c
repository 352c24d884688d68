/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../zoo.h"

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  (void)self, (void)state, (void)layer, (void)out;
  error->code = KVH_E_CONFIG;
  strcpy(error->path, "/params/window_size");
  strcpy(error->message, "the zoo refuses this window");
  return KVH_E_CONFIG;
}
static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};

ZOO_METHOD("zoo_error",
           .functions = &scorer,
           .summary = "Returns an error with a path and a message")
ZOO_PLUGIN(.name = "org.example.zoo_error")
