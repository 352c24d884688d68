// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/document.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "measure/report_json.hpp"
#include "report/printers.hpp"
#include "report/progress.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

struct CompressFlags {
  explicit CompressFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  std::string out, json;
  std::optional<bool> chat;
};

int compress_with(const CompressFlags& flags) {
  if (flags.out.empty())
    bad_request("--out", "not given; expected the file to write, FILE.safetensors");
  check_output_files({{"--out", flags.out}, {"--json", flags.json}});
  if (goes_to_stdout(flags.out))
    bad_request("--out", "found '-'; expected a file: its format is binary");
  RunOptions options = flags.shared.options();
  Job job = prepare_model(options);
  Document document = read_document(job, options, flags.chat);
  Progress progress(true);
  JobCallbacks callbacks;
  callbacks.progress = [&](std::string_view phase, double share) { progress.show(phase, share); };
  const Sequence sequence = open_document(job, options, document, job.policy, callbacks);
  progress.erase();
  sequence.save(flags.out, document_facts(document.conversation));
  job.prompt.title = document.title;
  const RunReport report = describe(job, sequence);
  const auto file_bytes = static_cast<int64_t>(std::filesystem::file_size(flags.out));
  if (!flags.json.empty()) {
    nlohmann::json out = to_json(report);
    out["file"] = flags.out;
    out["file_bytes"] = file_bytes;
    write_json(flags.json, out);
  }
  if (goes_to_stdout(flags.json)) return 0;
  std::cout << report.title << ": " << report.n_prompt_tokens << " tokens, read in "
            << format_ms(report.run.timings.prefill_ms) << "; "
            << budget_line(report.budget, report.n_prompt_tokens) << " (" << report.press_spec
            << ")\n"
            << flags.out << ": " << format_bytes(file_bytes) << "; the full cache takes "
            << format_bytes(report.run.memory.cache_bytes_full) << '\n';
  for (const auto& warning : report.warnings) std::cout << "note: " << warning << '\n';
  return 0;
}

}  // namespace

Command compress_command() {
  return {
      "compress",
      "read a document, compress its cache, save it for later questions",
      "",
      "The file holds what was kept, as safetensors that other programs can read "
      "(docs/saved_cache.md). ask, chat,\n"
      "score and run take it by --cache; it knows its model.",
      "kvhost compress -f book.txt -o book.kv.safetensors --press {press}\n"
      "kvhost ask --cache book.kv.safetensors -q 'Who is Alice?'",
      [](CLI::App& app) {
        auto flags = std::make_shared<CompressFlags>(app);
        auto* own = flags.get();
        flags->shared.add_model();
        flags->shared.add_prompt();
        add_switch(app,
                   {"--chat",
                    "",
                    "Put the document by the model's chat template. Default: "
                    "where the model has one."},
                   [own] { own->chat = true; });
        add_switch(app, {"--no-chat", "", "The document as it is."}, [own] { own->chat = false; });
        flags->shared.add_system();
        flags->shared.add_press();
        app.option_defaults()->group("Output");
        add_text(app,
                 {"-o,--out", "FILE", "The saved cache (required)."},
                 [own](const std::string& v) { own->out = v; });
        add_text(app,
                 {"--json", "FILE", "Write what was measured; - = standard output."},
                 [own](const std::string& v) { own->json = v; });
        flags->shared.add_plugins();
        return [flags] { return compress_with(*flags); };
      }};
}

}  // namespace kvhost
