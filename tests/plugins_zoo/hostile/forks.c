/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../zoo.h"

/* A grandchild in a session of its own, with the pipes of whoever loads this still open. */
__attribute__((constructor)) static void settle(void) {
  const char* file = getenv("KVHOST_ZOO_PID");
  if (!file || fork() != 0) return;
  setsid();
  if (fork() != 0) _exit(0);
  FILE* out = fopen(file, "w");
  if (out) {
    fprintf(out, "%d\n", (int)getpid());
    fclose(out);
  }
  sleep(600);
  _exit(0);
}

ZOO_METHOD("forks", .summary = "Leaves a process behind when it is loaded")
ZOO_PLUGIN(.name = "org.example.forks")
