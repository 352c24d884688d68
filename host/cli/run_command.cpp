// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "cli/command.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "cli/run_job.hpp"
#include "measure/report_json.hpp"
#include "report/kept_text.hpp"
#include "report/printers.hpp"
#include "report/progress.hpp"

namespace kvhost {

namespace {

constexpr const char* kExamples =
    "kvhost                                        # bundled model and text\n"
    "kvhost --press {press} --compare-full\n"
    "kvhost --model ~/models/pythia-2.8b --press {scorer} --keep-ratio 0.3 -f book.txt\n"
    "kvhost --model EleutherAI/pythia-410m -p 'Once upon a time' -n 100 --budget 256 --json "
    "run.json\n"
    "kvhost --config run.json --temperature 0.8 --seed 1";

void print_ids(const std::vector<int32_t>& tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) std::cout << (i > 0 ? " " : "") << tokens[i];
}

void print_line(const nlohmann::json& line) { std::cout << json_text(line) << '\n' << std::flush; }

// What would be ignored in silence.
void check_together(const RunOptions& options) {
  const OutputOptions& output = options.output;
  if (!output.kept_beside.empty() && output.kept_html.empty())
    bad_request("--kept-beside", "found without --kept-html; expected the page that shows both");
  if (options.prompt.system && !options.prompt.chat)
    bad_request("--system", "found without --chat; expected both: templates place it");
  if (output.compare_full && !options.prompt.cache.empty())
    bad_request("--compare-full",
                "found beside --cache, which holds what was kept and nothing else; expected the "
                "document itself");
  if (output.json_lines && goes_to_stdout(output.json))
    bad_request("--json-lines",
                "found beside --json on standard output; expected one of them: the last line is "
                "the report");
}

int run_with(const RunOptions& options) {
  const OutputOptions& output = options.output;
  check_together(options);
  check_output_files(output);
  const bool text = !goes_to_stdout(output.json) && !output.json_lines;
  Progress progress(!output.quiet);
  JobCallbacks callbacks;
  callbacks.progress = [&](std::string_view phase, double share) { progress.show(phase, share); };
  callbacks.generation.on_text = [&](std::string_view piece) {
    progress.erase();
    if (text) std::cout << piece << std::flush;
  };
  if (output.json_lines)
    callbacks.generation.on_token = [&](int32_t token, std::string_view piece) {
      print_line({{"token", token}, {"text", piece}});
    };
  const RunResult result = run(options, callbacks);
  progress.erase();
  if (output.json_lines) print_line({{"report", to_json(result.report)}});
  if (!text) return 0;
  if (output.quiet) {
    // Without a tokenizer the ids are all there is to say.
    if (result.report.run.text.empty() && !result.kept) print_ids(result.report.run.tokens);
    std::cout << "\n";
    return 0;
  }
  const Ink ink = make_ink(output.color, STDOUT_FILENO);
  std::cout << "\n\n";
  if (output.show_kept) print_kept(std::cout, ink, *result.kept);
  print_report(std::cout, ink, result.report);
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
            flags->add_chat();
            flags->add_generate();
            flags->add_output();
            flags->add_plugins();
            return [flags] { return run_with(flags->options()); };
          }};
}

}  // namespace kvhost
