/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

ZOO_METHOD("no_phase", .flags = KVH_METHOD_DETERMINISTIC)
ZOO_PLUGIN(.open = 0)
