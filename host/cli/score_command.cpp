// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/json_file.hpp"
#include "cli/command.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "cli/score_job.hpp"
#include "report/progress.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

struct ScoreFlags {
  explicit ScoreFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  std::string continuation, json;
  int64_t block = 0;
};

int score_with(const ScoreFlags& flags) {
  ScoreOptions options;
  RunOptions defaults;
  defaults.press.min_entries = 0;  // what is compared must not depend on a floor
  options.run = flags.shared.options(defaults);
  options.block = flags.block;
  if (!flags.json.empty()) options.run.output.json = flags.json;
  if (flags.continuation.empty())
    bad_request("--continuation-file", "not given; expected a JSON array of token ids to score");
  options.continuation_file = flags.continuation;
  check_output_files(options.run.output);
  Progress progress(true);
  JobCallbacks callbacks;
  callbacks.progress = [&](std::string_view phase, double share) {
    throw_if_interrupted();
    progress.show(phase, share);
  };
  const nlohmann::json result = score(options, callbacks);
  progress.erase();
  if (!options.run.output.json.empty()) write_json(options.run.output.json, result);
  if (!goes_to_stdout(options.run.output.json))
    std::cout << result.at("logprobs").size() << " tokens: NLL "
              << format_number(result.at("nll").get<double>(), 5) << " a token, perplexity "
              << format_number(result.at("ppl").get<double>(), 4) << '\n';
  return 0;
}

}  // namespace

Command score_command() {
  return {
      "score",
      "how probable a continuation is after a compressed context",
      "",
      "Prefills the context, compresses, then teacher-forces the continuation at its true "
      "positions. Its first\n"
      "token is predicted by the prefill itself, the others see the compressed context.",
      "kvhost score --tokens-file context.json --continuation-file next.json --press {scorer} "
      "--json out.json\n"
      "kvhost score -f book.txt --continuation-file next.json --press none",
      [](CLI::App& app) {
        auto flags = std::make_shared<ScoreFlags>(app);
        flags->shared.add_model();
        flags->shared.add_prompt();
        app.option_defaults()->group("Continuation");
        add_text(app,
                 {"--continuation-file", "FILE", "A JSON array of token ids (required)."},
                 [flags = flags.get()](const std::string& v) { flags->continuation = v; });
        add_integer(app,
                    {"--block", "N", "Tokens per forward pass; 0 = all at once (default)."},
                    kNotNegative,
                    [flags = flags.get()](int64_t v) { flags->block = v; });
        flags->shared.add_press();
        app.option_defaults()->group("Output");
        add_text(
            app,
            {"--json",
             "FILE",
             "Write log-probabilities, top-1 tokens, NLL and kept counts; - = standard output."},
            [flags = flags.get()](const std::string& v) { flags->json = v; });
        flags->shared.add_plugins();
        return [flags] { return score_with(*flags); };
      }};
}

}  // namespace kvhost
