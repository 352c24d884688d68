// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>

#include "base/interrupt.hpp"
#include "cli/chat.hpp"
#include "cli/command.hpp"
#include "cli/line_reader.hpp"
#include "cli/run_flags.hpp"

namespace kvhost {

namespace {

struct ChatFlags {
  explicit ChatFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  std::optional<bool> chat;
};

std::filesystem::path history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state && *state) return std::filesystem::path(state) / "kvhost" / "chat_history";
  const char* home = std::getenv("HOME");
  return home && *home ? std::filesystem::path(home) / ".local/state/kvhost/chat_history"
                       : std::filesystem::path();
}

int chat_with(const ChatFlags& flags) {
  const RunOptions options = flags.shared.options();
  const bool terminal = isatty(STDIN_FILENO) == 1;
  Job job = prepare_model(options);
  for (const auto& warning : job.warnings) std::cout << "note: " << warning << '\n';
  Chat chat(std::move(job), options, flags.chat, make_ink(options.output.color, STDOUT_FILENO));
  std::cout << chat.greeting() << std::flush;
  rearm_interrupt();  // from here on Ctrl-C stops an answer, not the program
  LineReader lines("> ", history_file());
  while (const auto line = lines.next()) {
    if (!terminal) std::cout << "> " << *line << '\n';
    const bool goes_on = chat.line(*line);
    std::cout << std::flush;  // the line editor writes around this stream
    if (!goes_on) break;
  }
  if (terminal) std::cout << '\n';
  return 0;
}

}  // namespace

Command chat_command() {
  return {
      "chat",
      "talk about a document: read once, compressed, every answer at once",
      "",
      "Reads the document, if there is one, and compresses its cache; then takes questions line "
      "by line. The talk stays in\n"
      "the cache and is compressed with it when it outgrows the budget. /help at the prompt "
      "shows the commands.",
      "kvhost chat -f book.txt --press {press}\n"
      "kvhost chat --model smollm2\n"
      "kvhost chat --cache book.kv.safetensors\n"
      "printf 'Who is Alice?\\n' | kvhost chat -f book.txt",
      [](CLI::App& app) {
        auto flags = std::make_shared<ChatFlags>(app);
        auto* own = flags.get();
        flags->shared.add_model();
        flags->shared.add_prompt();
        add_switch(app,
                   {"--chat", "", "By the model's chat template. Default: where it has one."},
                   [own] { own->chat = true; });
        add_switch(app, {"--no-chat", "", "Questions follow the document as they are."}, [own] {
          own->chat = false;
        });
        flags->shared.add_system();
        flags->shared.add_press();
        flags->shared.add_generate();
        app.option_defaults()->group("Output");
        flags->shared.add_color();
        flags->shared.add_plugins();
        return [flags] { return chat_with(*flags); };
      }};
}

}  // namespace kvhost
