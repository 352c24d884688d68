/* SPDX-License-Identifier: Apache-2.0
 * Built with a libtorch that this kvhost does not run on, as its record says. Whoever opens it all the same dies of it. */
#include "../zoo.h"

#include <kvhost/torch_record.h>
#include <stdlib.h>

KVH_TORCH_RECORD(KVH_TORCH_VERSION(1, 13, 1), "0");

__attribute__((constructor)) static void opened(void) { abort(); }

ZOO_METHOD("torch_other", .flags = KVH_METHOD_PREFILL)
ZOO_PLUGIN(.name = "org.example.torch_other")
