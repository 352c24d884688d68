/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "../zoo.h"

__attribute__((constructor)) static void greet(void) {
  puts("{\"welcome\": \"to the zoo\"}");
  fflush(stdout);
}

ZOO_METHOD("banner", .summary = "Prints a line on stdout while it is loaded")
ZOO_PLUGIN(.name = "org.example.banner")
