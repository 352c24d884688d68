// SPDX-License-Identifier: Apache-2.0
#include "cli/line_reader.hpp"

#include <histedit.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>

#include "base/interrupt.hpp"

namespace kvhost {

namespace {

constexpr int kHistoryLines = 1000;

char* prompt_of(EditLine* line) {
  void* text = nullptr;
  el_get(line, EL_CLIENTDATA, &text);
  return static_cast<char*>(text);
}

}  // namespace

struct LineReader::Terminal {
  Terminal(std::string shown, const std::filesystem::path& file)
      : prompt(std::move(shown)), history_file(file) {
    line = el_init("kvhost", stdin, stdout, stderr);
    past = history_init();
    HistEvent event;
    history(past, &event, H_SETSIZE, kHistoryLines);
    history(past, &event, H_SETUNIQUE, 1);
    if (!history_file.empty()) history(past, &event, H_LOAD, history_file.c_str());
    el_set(line, EL_CLIENTDATA, prompt.data());
    el_set(line, EL_PROMPT, &prompt_of);
    el_set(line, EL_EDITOR, "emacs");
    el_set(line, EL_SIGNAL, 0);
    el_set(line, EL_HIST, history, past);
    el_source(line, nullptr);  // the user's own ~/.editrc
  }

  ~Terminal() {
    HistEvent event;
    if (!history_file.empty()) {
      std::error_code ignored;
      std::filesystem::create_directories(history_file.parent_path(), ignored);
      history(past, &event, H_SAVE, history_file.c_str());
    }
    history_end(past);
    el_end(line);
  }

  std::optional<std::string> next() {
    int n = 0;
    const char* text = el_gets(line, &n);
    if (interrupted()) {
      rearm_interrupt();
      std::cout << '\n';
      return "";
    }
    if (!text || n <= 0) return std::nullopt;
    std::string read(text, static_cast<size_t>(n));
    while (!read.empty() && (read.back() == '\n' || read.back() == '\r')) read.pop_back();
    HistEvent event;
    if (!read.empty()) history(past, &event, H_ENTER, read.c_str());
    return read;
  }

  std::string prompt;
  std::filesystem::path history_file;
  EditLine* line = nullptr;
  History* past = nullptr;
};

LineReader::LineReader(std::string prompt, const std::filesystem::path& history) {
  if (isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1)
    terminal_ = std::make_unique<Terminal>(std::move(prompt), history);
}
LineReader::~LineReader() = default;

std::optional<std::string> LineReader::next() {
  if (terminal_) return terminal_->next();
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

}  // namespace kvhost
