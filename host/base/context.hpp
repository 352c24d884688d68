// SPDX-License-Identifier: Apache-2.0
// What a program hands down to everything that works for it: how to be stopped, where words go, how
// many threads. Nothing below the command line keeps such things for itself, so that several
// engines live in one process.
#pragma once

#include <functional>
#include <string_view>

#include "base/api.hpp"

namespace kvhost {

struct KVHOST_API Context {
  enum class Level { Debug, Info, Warning, Error };

  // [any thread] True once the work should stop; may be empty. Asked between layers, chunks of
  // tokens, and generated tokens.
  std::function<bool()> cancelled;
  // [any thread] What methods have to say; empty: nobody listens.
  std::function<void(Level, std::string_view text)> log;
  // CPU threads of each piece of work; 0: all cores.
  int threads = 0;

  bool is_cancelled() const { return cancelled && cancelled(); }
  // Throws Error(Interrupted) once cancelled.
  void check() const;
};

}  // namespace kvhost
