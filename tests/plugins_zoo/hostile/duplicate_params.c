/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

static const kvh_param window = {.struct_size = sizeof(kvh_param),
                                 .type = KVH_PARAM_INT,
                                 .name = "window_size",
                                 .doc = "How many",
                                 .unit = "tokens"};
static const kvh_param* const params[] = {&window, &window};

ZOO_METHOD("duplicate_params", .n_params = 2, .params = params)
ZOO_PLUGIN(.open = 0)
