/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  (void)self, (void)state, (void)layer, (void)out, (void)error;
  volatile int* volatile nowhere = 0;
  *nowhere = 1;
  return KVH_OK;
}
static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};

ZOO_METHOD("zoo_crash",
           .interface = &scorer,
           .summary = "Writes where it must not and ends the process")
ZOO_PLUGIN(.name = "org.example.zoo_crash")
