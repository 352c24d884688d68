// SPDX-License-Identifier: Apache-2.0
#include "cli/chat.hpp"

#include <algorithm>
#include <iostream>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/text.hpp"
#include "cli/kept.hpp"
#include "report/kept_text.hpp"
#include "report/printers.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {
constexpr const char* kHints =
    "/help shows what else there is; Ctrl-C stops an answer, Ctrl-D leaves.\n";
}  // namespace

Chat::Chat(Job job, RunOptions options, std::optional<bool> chat, const Ink& ink)
    : job_(std::move(job)),
      options_(std::move(options)),
      chat_(chat),
      ink_(ink),
      progress_(true),
      document_(read_talk(job_, options_, chat_)),
      sequence_([this] {
        JobCallbacks callbacks;
        callbacks.progress = [this](std::string_view phase, double share) {
          progress_.show(phase, share);
        };
        return open_document(job_, options_, document_, job_.policy, callbacks);
      }()),
      kept_(kept_press(sequence_)),
      kept_pieces_(pieces_of(job_.model, sequence_.tokens())) {
  progress_.erase();
}

std::string Chat::greeting() const {
  const MemoryUse memory = sequence_.memory();
  if (document_.title.empty())
    return "No document: -f FILE talks about one. The talk is compressed (" + sequence_.press() +
           ") when it outgrows the budget.\n" + kHints;
  std::string text = document_.title + ": " + std::to_string(sequence_.tokens().size()) +
                     " tokens; cache " + format_bytes(memory.cache_bytes_full) + " -> " +
                     format_bytes(memory.cache_bytes_kept) + " (" + sequence_.press() + ")\n";
  if (!document_.question.empty())
    text +=
        "The document asks: " + document_.question + " ...   (answer: " + document_.expect + ")\n";
  return text + kHints;
}

void Chat::note(const std::string& text) const { std::cout << ink_.dim(text) << '\n'; }

bool Chat::line(const std::string& text) {
  try {
    if (text.empty()) return true;
    if (text == "/quit" || text == "/exit") return false;
    if (text[0] != '/') {
      ask(text);
      return true;
    }
    const size_t space = text.find(' ');
    const size_t begin =
        space == std::string::npos ? std::string::npos : text.find_first_not_of(' ', space);
    command(text.substr(0, space), begin == std::string::npos ? "" : text.substr(begin));
  } catch (const Error& e) {
    progress_.erase();
    if (e.code() == ExitCode::Interrupted) {
      rearm_interrupt();
      std::cout << '\n';
      note("stopped");
    } else {
      std::cout << "error: " << e.what() << '\n';
    }
  }
  return true;
}

const std::vector<Chat::CommandEntry>& Chat::commands() {
  static const std::vector<CommandEntry> all = {
      {"/full", "QUESTION", "the same question on the full cache, beside", &Chat::ask_full},
      {"/kept", "[all]", "the document's words, shaded by who kept them", &Chat::show_kept},
      {"/stats", "", "sizes and times", &Chat::show_stats},
      {"/press", "SPEC", "read everything again with another composition", &Chat::change_press},
      {"/save", "FILE", "the conversation's cache, for --cache or /load", &Chat::save},
      {"/load", "FILE", "go on from a saved cache", &Chat::load},
      {"/reset", "", "forget the talk, keep the document", &Chat::start_over},
      {"/help", "", "this list", &Chat::help}};
  return all;
}

void Chat::command(const std::string& name, const std::string& argument) {
  std::vector<std::string> names = {"/quit"};
  for (const auto& entry : commands()) {
    names.emplace_back(entry.name);
    if (name != entry.name) continue;
    const bool wants = entry.argument[0] != '\0' && entry.argument[0] != '[';
    if (wants && argument.empty())
      bad_request(name, std::string("nothing follows; expected ") + name + " " + entry.argument);
    return (this->*entry.action)(argument);
  }
  bad_request(name, "no such command; expected one of /help" + did_you_mean(name, names));
}

void Chat::help(const std::string&) {
  for (const auto& entry : commands())
    std::cout << "  " << pad_right(std::string(entry.name) + " " + entry.argument, 18) << entry.help
              << '\n';
  std::cout << "  " << pad_right("/quit", 18) << "leave (Ctrl-D)\n";
}

GenerationSinks Chat::streaming() {
  GenerationSinks sinks;
  sinks.on_text = [this](std::string_view text) {
    progress_.erase();
    std::cout << text << std::flush;
  };
  return sinks;
}

Sequence::Progress Chat::watching(const char* phase) {
  return [this, phase](double share) { progress_.show(phase, share); };
}

// What was streamed counts as the answer, also when it was stopped.
std::string Chat::answer(Sequence& sequence, const std::vector<int32_t>& tokens) {
  check_context(job_.model, static_cast<int64_t>(sequence.tokens().size() + tokens.size()));
  const double before = sequence.timings().decode_ms;
  if (!tokens.empty()) sequence.append(tokens, watching("reading the question"));
  progress_.erase();
  const double asked = sequence.timings().decode_ms;
  std::string text;
  GenerationSinks sinks = streaming();
  sinks.on_text = [&, print = sinks.on_text](std::string_view piece) {
    text += piece;
    print(piece);
  };
  try {
    last_ = generate(sequence, limits_of(options_, {}), sinks);
    text = last_.text;
  } catch (const Error& e) {
    if (e.code() != ExitCode::Interrupted) throw;
    rearm_interrupt();
    sequence.forget_next();
    std::cout << ink_.dim(" [stopped]");
  }
  last_.timings.ttft_ms = asked - before;
  std::cout << '\n';
  return text;
}

void Chat::ask(const std::string& question) {
  Conversation& conversation = document_.conversation;
  Conversation::Turn turn = conversation.next_question(question);
  if (conversation.has_template()) sequence_.forget_next();  // the template spells the end out
  compress_when_outgrown();
  if (!turn.continues) {  // the template tells the past differently now
    read_anew(turn.tokens, job_.policy, "reading the conversation as the template tells it now");
    turn.tokens.clear();
  }
  const std::string text = answer(sequence_, turn.tokens);
  conversation.answered(question, text);
  note("  first token after " + format_ms(last_.timings.ttft_ms) + ", " +
       format_ms(last_.timings.tpot_ms) + " a token; " + std::to_string(sequence_.tokens().size()) +
       " tokens read, cache " + format_bytes(sequence_.bytes_kept()));
}

// The talk is kept whole until it has grown as large as the compressed document.
void Chat::compress_when_outgrown() {
  constexpr int64_t kSmallest = 512;
  sequence_.logits();  // the last token of an answer is read too
  const int64_t talk =
      static_cast<int64_t>(sequence_.tokens().size()) - sequence_.n_prompt_tokens();
  if (talk <= std::max(kSmallest, sequence_.budget().entries_per_head)) return;
  read_anew(sequence_.tokens(), job_.policy, "the talk has outgrown the budget: compressing it");
}

void Chat::read_anew(const std::vector<int32_t>& tokens, const Policy& policy, const char* why) {
  note(why);
  Sequence fresh(job_.model, policy, job_.sequence);
  fresh.prefill(tokens, watching("reading"));
  progress_.erase();
  sequence_ = std::move(fresh);
  kept_ = kept_press(sequence_);
  kept_pieces_ = pieces_of(job_.model, sequence_.tokens());
}

void Chat::ask_full(const std::string& question) {
  const auto& read = sequence_.tokens();
  const bool behind = full_ && full_->tokens().size() <= read.size() &&
                      std::equal(full_->tokens().begin(), full_->tokens().end(), read.begin());
  if (!behind) {
    full_.emplace(job_.model, full_policy(job_), job_.sequence);
    full_->prefill(read, watching("reading, full cache"));
  } else if (full_->tokens().size() < read.size()) {
    full_->append(std::span(read).subspan(full_->tokens().size()));
  }
  progress_.erase();
  Sequence fork = full_->fork();
  answer(fork, document_.conversation.next_question(question).tokens);
  note("  full cache: first token after " + format_ms(last_.timings.ttft_ms) + ", " +
       format_ms(last_.timings.tpot_ms) + " a token; cache " + format_bytes(fork.bytes_kept()));
}

void Chat::save(const std::string& file) {
  sequence_.save(file, document_facts(document_.conversation));
  note("saved to " + file);
}

void Chat::load(const std::string& file) {
  RunOptions options = options_;
  options.prompt.cache = file;
  Document document{{}, Conversation(job_.model, chat_, options.prompt.system), file, "", ""};
  sequence_ = open_document(job_, options, document, job_.policy, {});
  document_ = std::move(document);
  full_.reset();
  kept_ = kept_press(sequence_);
  kept_pieces_ = pieces_of(job_.model, sequence_.tokens());
  note(std::to_string(sequence_.tokens().size()) + " tokens, cache " +
       format_bytes(sequence_.bytes_kept()));
}

void Chat::change_press(const std::string& text) {
  PolicyOptions press = options_.press;
  press.press = {PressSource::Form::Text, text, "/press", ""};
  const Policy policy = job_.engine.policy(job_.model, press);
  const std::vector<int32_t> tokens = sequence_.tokens();
  read_anew(tokens, policy, "reading everything again");
  job_.policy = policy;
  options_.press = press;
  note(policy.press() + ": cache " + format_bytes(sequence_.bytes_kept()));
}

void Chat::show_kept(const std::string& argument) {
  if (kept_pieces_.empty())
    bad_request("/kept", "the model has no tokenizer; expected one for pictures of the text");
  KeptView view;
  view.title = document_.title;
  view.model = job_.model.facts().path;
  view.pieces = kept_pieces_;
  view.presses = {kept_};
  print_kept(std::cout, ink_, view, argument == "all");
}

void Chat::show_stats(const std::string&) {
  const MemoryUse memory = sequence_.memory();
  std::cout << "  press     " << sequence_.press() << '\n'
            << "  budget    " << budget_line(sequence_.budget(), sequence_.n_prompt_tokens())
            << '\n'
            << "  tokens    " << sequence_.tokens().size() << " read, "
            << sequence_.n_prompt_tokens() << " of them compressed\n"
            << "  cache     " << format_bytes(sequence_.bytes_kept()) << " now, "
            << format_bytes(memory.cache_bytes_full) << " had nothing been dropped\n"
            << "  prefill   " << format_ms(sequence_.timings().prefill_ms) << '\n'
            << "  answer    first token after " << format_ms(last_.timings.ttft_ms) << ", then "
            << format_ms(last_.timings.tpot_ms) << " a token\n"
            << "  questions " << document_.conversation.n_turns() << '\n';
}

void Chat::start_over(const std::string&) {
  std::vector<int32_t> tokens = sequence_.tokens();
  const auto n = std::min(tokens.size(), document_.tokens.size());
  tokens.resize(n);
  if (n == 0) bad_request("/reset", "there is no document to go back to; expected -f FILE");
  document_.conversation.reset();
  read_anew(tokens, job_.policy, "back to the document alone");
}

}  // namespace kvhost
