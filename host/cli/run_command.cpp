// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <iostream>
#include <memory>

#include "base/interrupt.hpp"
#include "cli/command.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "report/printers.hpp"
#include "report/progress.hpp"
#include "runtime/session.hpp"

namespace kvhost {

namespace {

constexpr const char* kExamples =
    "kvhost                                        # bundled model and text\n"
    "kvhost --press {press} --compare-full\n"
    "kvhost --model ~/models/pythia-2.8b --press {scorer} --keep-ratio 0.3 -f book.txt\n"
    "kvhost --model EleutherAI/pythia-410m -p 'Once upon a time' -n 100 --budget 256 --json "
    "run.json\n"
    "kvhost --config run.json --temperature 0.8 --seed 1";

int run_with(const RunOptions& options) {
  check_output_files(options.output);
  const bool json_only = goes_to_stdout(options.output.json);
  Progress progress(!options.output.quiet);
  RunCallbacks callbacks;
  callbacks.progress = [&](std::string_view phase, double share) {
    throw_if_interrupted();
    progress.show(phase, share);
  };
  callbacks.on_text = [&](std::string_view text) {
    throw_if_interrupted();
    progress.erase();
    if (!json_only) std::cout << text << std::flush;
  };
  const RunReport report = run(options, callbacks);
  progress.erase();
  if (!json_only) std::cout << (options.output.quiet ? "\n" : "\n\n");
  if (!json_only && !options.output.quiet)
    print_report(std::cout, make_ink(options.output.color, STDOUT_FILENO), report);
  return 0;
}

}  // namespace

Command run_command() {
  return {"run",
          "load a model, read the prompt, compress its cache, generate, report",
          "",
          "With no model and no prompt the bundled ones are used. The generated text and the "
          "report go to standard\n"
          "output, progress and errors to standard error.",
          kExamples,
          [](CLI::App& app) {
            auto flags = std::make_shared<RunFlags>(app);
            flags->add_model();
            flags->add_prompt();
            flags->add_press();
            flags->add_generate();
            flags->add_output();
            flags->add_plugins();
            return [flags] { return run_with(flags->options()); };
          }};
}

}  // namespace kvhost
