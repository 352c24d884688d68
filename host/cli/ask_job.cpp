// SPDX-License-Identifier: Apache-2.0
#include "cli/ask_job.hpp"

#include "base/error.hpp"
#include "cli/document.hpp"

namespace kvhost {
namespace {

std::vector<int32_t> question_tokens(const Question& question, const Document& document) {
  return question.tokens.empty() ? document.conversation.first_question(question.text)
                                 : question.tokens;
}

// Appends the question and lets the model answer. Times are those of this question alone.
Generation answer_on(Sequence& sequence,
                     const std::vector<int32_t>& tokens,
                     const GenerationLimits& limits,
                     const GenerationSinks& sinks) {
  const double before = sequence.timings().decode_ms + sequence.timings().prefill_ms;
  sequence.append(tokens);
  const double asked = sequence.timings().decode_ms + sequence.timings().prefill_ms;
  Generation out = generate(sequence, limits, sinks);
  out.timings.ttft_ms = asked - before;
  out.memory = sequence.memory();
  return out;
}

class Asker {
 public:
  Asker(const AskOptions& options, const AskCallbacks& callbacks, Job& job, Document& document)
      : options_(options), callbacks_(callbacks), job_(job), document_(document) {}

  AskReport ask_all(const std::vector<Question>& questions) {
    Sequence read = open(job_.policy, "reading");
    std::optional<Sequence> full;
    if (options_.run.output.compare_full) full = open(full_policy(job_), "reading, full cache");
    AskReport report = describe(read);
    if (callbacks_.on_document) callbacks_.on_document(report);
    for (const auto& question : questions) {
      if (callbacks_.on_question) callbacks_.on_question(question);
      report.answers.push_back(answer(question, read, full ? &*full : nullptr));
      if (callbacks_.on_answer) callbacks_.on_answer(report.answers.back());
    }
    return report;
  }

 private:
  Sequence open(const Policy& policy, std::string_view phase) {
    return open_document(job_, options_.run, document_, policy, callbacks_.job, phase);
  }

  AskReport describe(const Sequence& read) const {
    AskReport report;
    report.n_tokens = static_cast<int64_t>(read.tokens().size());
    report.prefill_ms = read.timings().prefill_ms;
    report.title = document_.title;
    report.press = read.press();
    report.budget = read.budget();
    report.memory = read.memory();
    report.layers = read.layers();
    report.question_aware = options_.question_aware;
    report.warnings = job_.warnings;
    return report;
  }

  AskAnswer answer(const Question& question, const Sequence& read, const Sequence* full) {
    AskAnswer result;
    result.question = question;
    const auto tokens = question_tokens(question, document_);
    result.n_question_tokens = static_cast<int64_t>(tokens.size());
    const GenerationLimits limits = limits_of(options_.run, {});
    check_context(job_.model, static_cast<int64_t>(read.tokens().size() + tokens.size()));
    if (options_.question_aware) {
      result.generation = answer_aware(tokens, limits);
    } else {
      Sequence fork = read.fork();
      result.generation = answer_on(fork, tokens, limits, callbacks_.job.generation);
    }
    if (full) {
      Sequence fork = full->fork();
      result.full = answer_on(fork, tokens, limits, {});
    }
    return result;
  }

  // The question is part of the prompt that is compressed: observation windows see it.
  Generation answer_aware(const std::vector<int32_t>& question, const GenerationLimits& limits) {
    std::vector<int32_t> all = document_.tokens;
    all.insert(all.end(), question.begin(), question.end());
    Sequence sequence(job_.model, job_.policy, job_.sequence);
    sequence.prefill(all, [&](double share) {
      if (callbacks_.job.progress) callbacks_.job.progress("reading with the question", share);
    });
    Generation out = generate(sequence, limits, callbacks_.job.generation);
    out.timings.ttft_ms = sequence.timings().prefill_ms;
    out.memory = sequence.memory();
    return out;
  }

  const AskOptions& options_;
  const AskCallbacks& callbacks_;
  Job& job_;
  Document& document_;
};

}  // namespace

AskReport ask(const AskOptions& options, const AskCallbacks& callbacks) {
  Job job = prepare_model(options.run);
  const auto questions = read_questions(options, job.model.vocab_size());
  if (options.question_aware && !options.run.prompt.cache.empty())
    bad_request("--question-aware",
                "found beside --cache, whose document is compressed already; expected the document "
                "itself: -f FILE");
  Document document = read_document(job, options.run, options.chat);
  return Asker(options, callbacks, job, document).ask_all(questions);
}

}  // namespace kvhost
