/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

static const kvh_param ratio = {.struct_size = sizeof(kvh_param),
                                .type = KVH_PARAM_FLOAT,
                                .flags = KVH_PARAM_HAS_MIN | KVH_PARAM_HAS_MAX,
                                .name = "ratio",
                                .doc = "How much",
                                .unit = "",
                                .def = {.type = KVH_PARAM_FLOAT, .present = 1, .v = {.d = 1.5}},
                                .min = 0,
                                .max = 1};
static const kvh_param* const params[] = {&ratio};

ZOO_METHOD("default_outside", .n_params = 1, .params = params)
ZOO_PLUGIN(.open = 0)
