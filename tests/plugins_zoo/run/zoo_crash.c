/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "../zoo.h"

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  (void)self, (void)state, (void)layer, (void)out, (void)error;
  raise(SIGSEGV); /* a store to a null pointer would be the sanitizers' to report, not the host's */
  return KVH_OK;
}
static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};

ZOO_METHOD("zoo_crash",
           .functions = &scorer,
           .summary = "Ends the process as a store to nowhere would")
ZOO_PLUGIN(.name = "org.example.zoo_crash")
