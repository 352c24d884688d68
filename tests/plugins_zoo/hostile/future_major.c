/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

ZOO_METHOD("future_major", .flags = KVH_METHOD_PREFILL)
ZOO_PLUGIN(.abi_major = KVH_ABI_MAJOR + 1)
