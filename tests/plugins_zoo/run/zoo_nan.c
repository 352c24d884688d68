/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "../zoo.h"

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  zoo_score(self, state, layer, out, error);
  out->scores[out->n_kv_heads - 1][0] = NAN;
  return KVH_OK;
}
static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};

ZOO_METHOD("zoo_nan", .functions = &scorer, .summary = "One score of the last head is NaN")
ZOO_PLUGIN(.name = "org.example.zoo_nan")
