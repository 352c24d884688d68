/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

static const kvh_scorer hollow = {.struct_size = sizeof(kvh_scorer), .score = 0};

ZOO_METHOD("null_score", .functions = &hollow)
ZOO_PLUGIN(.open = 0)
