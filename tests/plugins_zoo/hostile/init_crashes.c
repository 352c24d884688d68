/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "../zoo.h"

ZOO_METHOD("init_crashes", .flags = KVH_METHOD_PREFILL)
ZOO_PLUGIN(.open = 0)

__attribute__((constructor)) static void crash(void) { raise(SIGSEGV); }
