/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "../zoo.h"

ZOO_METHOD("init_hangs", .flags = KVH_METHOD_PREFILL)
ZOO_PLUGIN(.open = 0)

__attribute__((constructor)) static void hang(void) {
  for (;;) pause();
}
