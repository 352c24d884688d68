// SPDX-License-Identifier: Apache-2.0
#include "method/signal_stack.hpp"

#include <sys/mman.h>

namespace kvhost {

SignalStack::SignalStack() {
  constexpr size_t kBytes = size_t{128} << 10;
  stack_t present{};
  if (sigaltstack(nullptr, &present) != 0 || !(present.ss_flags & SS_DISABLE)) return;
  void* memory =
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, /*fd=*/-1, 0);
  if (memory == MAP_FAILED) return;
  mine_.ss_sp = memory;
  mine_.ss_size = kBytes;
  if (sigaltstack(&mine_, nullptr) == 0) return;
  munmap(memory, kBytes);
  mine_.ss_sp = nullptr;
}

SignalStack::~SignalStack() {
  if (!mine_.ss_sp) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
  munmap(mine_.ss_sp, mine_.ss_size);
}

}  // namespace kvhost
