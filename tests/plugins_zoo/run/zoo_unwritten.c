/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  (void)self, (void)state, (void)layer, (void)error;
  for (int64_t i = 0; i + 1 < out->n_entries[0]; i++) out->scores[0][i] = 1;
  return KVH_OK;
}
static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};

ZOO_METHOD("zoo_unwritten",
           .functions = &scorer,
           .summary = "Says done but leaves scores unwritten")
ZOO_PLUGIN(.name = "org.example.zoo_unwritten")
