// SPDX-License-Identifier: Apache-2.0
// A conversation about a document at the prompt of `kvhost chat`: what each line does.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/document.hpp"
#include "report/ink.hpp"
#include "report/kept_view.hpp"
#include "report/progress.hpp"

namespace kvhost {

class Chat {
 public:
  // Reads the document, or the saved cache, at once.
  Chat(Job job, RunOptions options, std::optional<bool> chat, const Ink& ink);

  // A question, or a command that begins with '/'. False: the conversation is over. Errors of one
  // line are told and do not end it.
  bool line(const std::string& text);

  std::string greeting() const;

 private:
  using Action = void (Chat::*)(const std::string& argument);
  struct CommandEntry {
    const char* name;
    const char* argument;
    const char* help;
    Action action;
  };
  static const std::vector<CommandEntry>& commands();

  void command(const std::string& name, const std::string& argument);
  void ask(const std::string& question);
  void ask_full(const std::string& question);
  void save(const std::string& file);
  void load(const std::string& file);
  void change_press(const std::string& text);
  void show_kept(const std::string& argument);
  void show_stats(const std::string& argument);
  void start_over(const std::string& argument);
  void help(const std::string& argument);

  std::string answer(Sequence& sequence, const std::vector<int32_t>& tokens);
  void read_anew(const std::vector<int32_t>& tokens, const Policy& policy, const char* why);
  void compress_when_outgrown();
  GenerationSinks streaming();
  Sequence::Progress watching(const char* phase);
  void note(const std::string& text) const;

  Job job_;
  RunOptions options_;
  std::optional<bool> chat_;
  Ink ink_;
  Progress progress_;
  Document document_;
  Sequence sequence_;             // the conversation
  std::optional<Sequence> full_;  // the same with everything kept, once somebody asked for it
  KeptPress kept_;                // as of the last compression
  std::vector<std::string> kept_pieces_;
  Generation last_;
};

}  // namespace kvhost
