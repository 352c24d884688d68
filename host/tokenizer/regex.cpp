// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/text.hpp"
#include "tokenizer/pattern_translate.hpp"
#include "tokenizer/stages.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

std::string pcre2_message(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

constexpr size_t kLongContent = 64;  // that may make a text much longer before it is looked at
constexpr size_t kSpansPerLook = 1 << 10;  // spans between two looks for Ctrl-C
// Of one match. The published patterns take a few a character; one that goes back and forth over a
// text would take hours.
constexpr uint32_t kMostSteps = 2'000'000;

[[noreturn]] void fail_to_match(const std::string& pattern, size_t at, int code) {
  run_failed("tokenizer",
             "its pattern " + quoted(pattern) + " gave up at byte " + std::to_string(at) +
                 " of a text: " + pcre2_message(code) + "; expected one that matches within " +
                 std::to_string(kMostSteps) +
                 " steps; break up the long run of characters there");
}

// What one thread needs to match: PCRE2 code is shared, this is not.
struct Scratch {
  Scratch()
      : data(pcre2_match_data_create(1, nullptr)),
        context(pcre2_match_context_create(nullptr)),
        stack(pcre2_jit_stack_create(32 << 10, 32 << 20, nullptr)) {
    pcre2_jit_stack_assign(context, nullptr, stack);
    pcre2_set_match_limit(context, kMostSteps);
  }
  ~Scratch() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  pcre2_match_data* data;
  pcre2_match_context* context;
  pcre2_jit_stack* stack;
};

}  // namespace

struct Pattern::Code {
  explicit Code(const std::string& onig) : source(onig) {
    const std::string text = to_pcre2(onig);
    pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int error = 0;
    PCRE2_SIZE offset = 0;
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()),
                         text.size(),
                         PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE,
                         &error,
                         &offset,
                         context);
    pcre2_compile_context_free(context);
    if (code == nullptr) throw PatternError(pcre2_message(error));
    // Without JIT support in the library the interpreter runs: slower, same matches.
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  }
  ~Code() { pcre2_code_free(code); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  std::string source;
  pcre2_code* code = nullptr;
};

Pattern Pattern::literal(std::string text) {
  if (text.empty()) return regex("");  // found between any two characters
  Pattern p;
  p.literal_ = std::move(text);
  return p;
}

Pattern Pattern::regex(const std::string& onig) {
  Pattern p;
  p.code_ = std::make_shared<const Code>(onig);
  return p;
}

void Pattern::find(std::string_view text, std::vector<Span>* spans) const {
  spans->clear();
  if (code_) {
    find_regex(text, spans);
  } else {
    find_literal(text, spans);
  }
}

void Pattern::find_literal(std::string_view text, std::vector<Span>* spans) const {
  size_t done = 0;
  for (size_t at = text.find(literal_); at != text.npos; at = text.find(literal_, done)) {
    if (at > done) spans->push_back({done, at, false});
    done = at + literal_.size();
    spans->push_back({at, done, true});
  }
  if (done < text.size()) spans->push_back({done, text.size(), false});
}

void Pattern::find_regex(std::string_view text, std::vector<Span>* spans) const {
  static thread_local Scratch scratch;
  size_t done = 0, from = 0;
  bool any = false;
  while (from <= text.size()) {
    if (spans->size() % kSpansPerLook == 0) throw_if_interrupted();
    // The text is checked before it comes here; checking it again at every match would make this
    // quadratic.
    const int rc = pcre2_match(code_->code,
                               reinterpret_cast<PCRE2_SPTR>(text.data()),
                               text.size(),
                               from,
                               PCRE2_NO_UTF_CHECK,
                               scratch.data,
                               scratch.context);
    if (rc == PCRE2_ERROR_NOMATCH) break;
    if (rc < 0) fail_to_match(code_->source, from, rc);
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(scratch.data);
    const size_t begin = bounds[0], end = bounds[1];
    if (begin == end && any && end == done) {  // an empty match right behind a match does not count
      from += from < text.size() ? utf8::length_of_lead(static_cast<unsigned char>(text[from])) : 1;
      continue;
    }
    if (begin > done) spans->push_back({done, begin, false});
    spans->push_back({begin, end, true});
    done = from = end;
    any = true;
  }
  if (done < text.size()) spans->push_back({done, text.size(), false});
}

std::string Pattern::replace(std::string_view text, std::string_view content) const {
  std::vector<Span> spans;
  find(text, &spans);
  std::string out;
  out.reserve(text.size());
  for (const Span& s : spans) {
    out += s.match ? content : text.substr(s.begin, s.end - s.begin);
    if (s.match && content.size() > kLongContent) check_growth(text.size(), out.size());
  }
  return out;
}

}  // namespace kvhost::tok
