/* SPDX-License-Identifier: Apache-2.0
 * Its record of libtorch is none. */
#include "../zoo.h"

#include <kvhost/torch_record.h>

KVH_TORCH_RECORD("the newest", "1");

ZOO_METHOD("torch_words", .flags = KVH_METHOD_PREFILL)
ZOO_PLUGIN(.name = "org.example.torch_words")
