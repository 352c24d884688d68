/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

ZOO_METHOD("short_struct", .flags = KVH_METHOD_PREFILL)
ZOO_PLUGIN(.struct_size = 16)
