// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "base/output_file.hpp"
#include "base/text.hpp"
#include "cli/ask_job.hpp"
#include "cli/command.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "report/printers.hpp"
#include "report/progress.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

struct AskFlags {
  explicit AskFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  AskOptions own;  // all but `run`
  std::string json;
  bool compare_full = false;
};

std::string cache_text(const Reading& reading, const std::string& press, int64_t n_tokens) {
  return "cache " + format_bytes(reading.memory.cache_bytes_full) + " -> " +
         format_bytes(reading.memory.cache_bytes_kept) + " (" + press + ", " +
         budget_line(reading.budget, n_tokens) + ")";
}

std::string document_line(const AskReport& report) {
  const std::string size = std::to_string(report.n_tokens) + " tokens, ";
  if (!report.reading) return size + "read with each question (" + report.press + ")";
  return size + "read in " + format_ms(report.reading->prefill_ms) + "; " +
         cache_text(*report.reading, report.press, report.n_tokens);
}

std::string answer_line(const AskAnswer& answer, const AskReport& report) {
  const Timings& t = answer.generation.timings;
  std::string line =
      "first token after " + format_ms(t.ttft_ms) + ", then " + format_ms(t.tpot_ms) + " a token";
  if (answer.reading)
    line += "; " + cache_text(*answer.reading, report.press,
                              report.n_tokens + answer.n_question_tokens);
  if (answer.question.expect)
    line += std::string(answer.right() ? "; right: '" : "; WRONG, expected '") +
            *answer.question.expect + "'";
  return line;
}

// What a person sees while it goes on: questions, streamed answers, times.
AskCallbacks screen(const Ink& ink, Progress& progress) {
  AskCallbacks callbacks;
  callbacks.job.progress = [&](std::string_view phase, double share) {
    progress.show(phase, share);
  };
  callbacks.job.generation.on_text = [&](std::string_view text) {
    progress.erase();
    std::cout << text << std::flush;
  };
  callbacks.on_document = [&, ink](const AskReport& report) {
    progress.erase();
    std::cout << ink.dim(report.title + ": " + document_line(report)) << '\n';
    for (const auto& warning : report.warnings) std::cout << ink.dim("note: " + warning) << '\n';
  };
  callbacks.on_question = [&, ink](const Question& question) {
    progress.erase();
    const std::string text = question.tokens.empty()
                                 ? question.text
                                 : std::to_string(question.tokens.size()) + " token ids";
    std::cout << '\n' << ink.bold("? " + text) << '\n' << std::flush;
  };
  callbacks.on_answer = [ink](const AskAnswer& answer, const AskReport& report) {
    std::cout << '\n' << ink.dim("  " + answer_line(answer, report)) << '\n';
    if (answer.full)
      std::cout << ink.dim("  full cache, first token after " +
                           format_ms(answer.full->timings.ttft_ms) + ": ")
                << answer.full->text << '\n';
  };
  return callbacks;
}

int ask_with(const AskFlags& flags) {
  AskOptions options = flags.own;
  options.run = flags.shared.options();
  options.run.output.compare_full = flags.compare_full;
  check_output_file("--json", flags.json);
  Progress progress(true);
  AskCallbacks callbacks;
  if (goes_to_stdout(flags.json))
    callbacks.job.progress = [&](std::string_view phase, double share) {
      progress.show(phase, share);
    };
  else
    callbacks = screen(make_ink(options.run.output.color, STDOUT_FILENO), progress);
  const AskReport report = ask(options, callbacks);
  progress.erase();
  if (!flags.json.empty()) write_file(flags.json, [&](std::ostream& out) { out << report.json(); });
  const bool all_right = std::all_of(report.answers.begin(),
                                     report.answers.end(),
                                     [](const AskAnswer& answer) { return answer.right(); });
  return all_right ? 0 : 1;
}

void add_questions(CLI::App& app, AskFlags* flags) {
  app.option_defaults()->group("Questions (each starts from the document as it was compressed)");
  add_texts(app,
            {"-q,--question", "TEXT", "A question; may be repeated."},
            [flags](const std::string& v) { flags->own.questions.push_back(v); });
  add_text(app,
           {"--questions",
            "FILE",
            "JSON lines, each {\"question\": TEXT} or {\"tokens\": [ids]}, optionally \"expect\"."},
           [flags](const std::string& v) { flags->own.questions_file = v; });
  add_texts(
      app,
      {"--expect", "TEXT", "The answer must contain this, or the exit code is 1; one for each -q."},
      [flags](const std::string& v) { flags->own.expects.push_back(v); });
  add_switch(app,
             {"--question-aware", "", "Compress again for every question, with it in sight."},
             [flags] { flags->own.question_aware = true; });
  add_switch(app,
             {"--chat",
              "",
              "Put document and question by the model's chat template. Default: "
              "where the model has one."},
             [flags] { flags->own.chat = true; });
  add_switch(app, {"--no-chat", "", "The question follows the document as it is."}, [flags] {
    flags->own.chat = false;
  });
  flags->shared.add_system();
}

}  // namespace

Command ask_command() {
  return {"ask",
          "read a document once, compress it, ask many questions about it",
          "",
          "The document is read and compressed without any question in sight, then every question "
          "is answered from\n"
          "that cache. Answers stream to standard output. Exit code 1: an --expect was not met.",
          "kvhost ask -f book.txt -q 'Who is Alice?' -q 'Where does she fall?' --press {press}\n"
          "kvhost compress -f book.txt -o book.kv.safetensors\n"
          "kvhost ask --cache book.kv.safetensors -q 'Who is Alice?' --json -\n"
          "kvhost ask -f book.txt --questions questions.jsonl --compare-full",
          [](CLI::App& app) {
            auto flags = std::make_shared<AskFlags>(app);
            flags->shared.add_model();
            flags->shared.add_prompt();
            add_questions(app, flags.get());
            flags->shared.add_press();
            flags->shared.add_generate();
            app.option_defaults()->group("Output");
            add_text(app,
                     {"--json", "FILE", "Write document and answers; - = standard output."},
                     [flags = flags.get()](const std::string& v) { flags->json = v; });
            add_switch(app,
                       {"--compare-full", "", "Ask the full cache too, beside."},
                       [flags = flags.get()] { flags->compare_full = true; });
            flags->shared.add_plugins();
            return [flags] { return ask_with(*flags); };
          }};
}

}  // namespace kvhost
