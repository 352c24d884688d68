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

Reading reading_of(const Sequence& sequence) {
  return {sequence.timings().prefill_ms, sequence.budget(), sequence.memory(), sequence.layers()};
}

class Asker {
 public:
  Asker(const AskOptions& options, const AskCallbacks& callbacks, Job& job, Document& document)
      : options_(options), callbacks_(callbacks), job_(job), document_(document) {}

  AskReport ask_all(const std::vector<Question>& questions) {
    // With the question in sight nothing starts from the document alone: it is read with each.
    std::optional<Sequence> read, full;
    if (!options_.question_aware) read = open(job_.policy, "reading");
    if (options_.run.output.compare_full) full = open(full_policy(job_), "reading, full cache");
    AskReport report = describe(read);
    if (callbacks_.on_document) callbacks_.on_document(report);
    for (const auto& question : questions) {
      if (callbacks_.on_question) callbacks_.on_question(question);
      report.answers.push_back(answer(question, read, full));
      if (callbacks_.on_answer) callbacks_.on_answer(report.answers.back(), report);
    }
    report.warnings = job_.warnings;
    return report;
  }

 private:
  Sequence open(const Policy& policy, std::string_view phase) {
    return open_document(job_, options_.run, document_, policy, callbacks_.job, phase);
  }

  AskReport describe(const std::optional<Sequence>& read) const {
    AskReport report;
    report.n_tokens =
        static_cast<int64_t>(read ? read->tokens().size() : document_.tokens.size());
    report.title = document_.title;
    report.press = read ? read->press() : job_.policy.press();
    report.plugins = job_.policy.plugins();
    if (read) report.reading = reading_of(*read);
    report.question_aware = options_.question_aware;
    report.warnings = job_.warnings;
    return report;
  }

  AskAnswer answer(const Question& question,
                   const std::optional<Sequence>& read,
                   const std::optional<Sequence>& full) {
    AskAnswer result;
    result.question = question;
    const auto tokens = question_tokens(question, document_);
    result.n_question_tokens = static_cast<int64_t>(tokens.size());
    const GenerationLimits limits = limits_of(options_.run, {});
    const size_t n_before = read ? read->tokens().size() : document_.tokens.size();
    check_context(job_.model, static_cast<int64_t>(n_before + tokens.size()));
    if (read) {
      Sequence fork = read->fork();
      result.generation = answer_on(fork, tokens, limits, callbacks_.job.generation);
    } else {
      answer_aware(tokens, limits, result);
    }
    if (full) {
      Sequence fork = full->fork();
      result.full = answer_on(fork, tokens, limits, {});
    }
    return result;
  }

  // The question is part of the prompt that is compressed: observation windows see it.
  void answer_aware(const std::vector<int32_t>& question,
                    const GenerationLimits& limits,
                    AskAnswer& result) {
    std::vector<int32_t> all = document_.tokens;
    all.insert(all.end(), question.begin(), question.end());
    SequenceOptions with_question = job_.sequence;
    with_question.n_question = static_cast<int64_t>(question.size());
    Sequence sequence(job_.model, job_.policy, with_question);
    sequence.prefill(all, [&](double share) {
      if (callbacks_.job.progress) callbacks_.job.progress("reading with the question", share);
    });
    result.reading = reading_of(sequence);
    result.generation = generate(sequence, limits, callbacks_.job.generation);
    result.generation.timings.ttft_ms = sequence.timings().prefill_ms;
    result.generation.memory = sequence.memory();
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
