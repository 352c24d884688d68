/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

ZOO_METHOD("newer_minor", .flags = KVH_METHOD_PREFILL)
ZOO_PLUGIN(.abi_minor = KVH_ABI_MINOR + 7, .abi_minor_required = KVH_ABI_MINOR + 7)
