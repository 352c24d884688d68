/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

ZOO_METHOD("bad_magic", .flags = KVH_METHOD_PREFILL)
ZOO_PLUGIN(.magic = 0x46464952u)
