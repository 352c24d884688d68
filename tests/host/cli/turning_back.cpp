// SPDX-License-Identifier: Apache-2.0
// What a server does with a sequence and no command does: it goes on with what compresses while it generates, is
// copied, and goes back behind the last cut. A failure is told as the program tells it.
//   turning_back PLUGIN_FOLDER MODEL_FOLDER DECODE_PRESS SECONDS
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/error.hpp"
#include "engine/engine.hpp"
#include "engine/rewind.hpp"
#include "engine/sequence.hpp"
#include "method/call_board.hpp"
#include "method/call_guard.hpp"
#include "method/call_watch.hpp"

namespace {

using namespace kvhost;

void turn_back(char** argv) {
  const Engine engine({{argv[1]}}, {});
  const Model model = engine.open({argv[2]});
  PolicyOptions options;
  options.press = {PressSource::Form::Text, "none", "--press", ""};
  options.decode_press = {PressSource::Form::Text, argv[3], "--decode-press", ""};
  options.decode_every = 4;
  options.decode_budget = 6;
  Sequence sequence(model, engine.policy(model, options));
  sequence.prefill(model.encode("Once upon a time"));
  for (int i = 0; i < 6; ++i) sequence.next();
  Sequence copied = sequence.fork();
  const int64_t n = static_cast<int64_t>(copied.tokens().size()) - 1;
  if (!can_rewind(copied, n))
    run_failed("turning_back", "no way back; expected one behind the last cut");
  rewind(copied, n);
  copied.append(model.encode("the"));
  for (int i = 0; i < 64; ++i) copied.next();  // a thread that fails later needs a moment
}

[[noreturn]] void end(int code) {
  note_end();
  std::fflush(nullptr);
  std::_Exit(code);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 1;
  install_call_watch(std::chrono::milliseconds(static_cast<int64_t>(1000 * std::atof(argv[4]))));
  try {
    turn_back(argv);
    raise_what_was_found();
  } catch (const Error& e) {
    std::fprintf(stderr, "kvhost: error: %s\n", e.what());
    end(static_cast<int>(e.code()));
  }
  end(0);
}
