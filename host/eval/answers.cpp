// SPDX-License-Identifier: Apache-2.0
#include "eval/answers.hpp"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "measure/stopwatch.hpp"

namespace kvhost::eval {

using results::Better;

namespace {

using Clock = std::chrono::steady_clock;

// `n_all`: the room for the answer included.
void check_tokens(const Model& model, int64_t n_all, const Ask& one) {
  if (model.max_positions() > 0 && n_all > model.max_positions())
    bad_request("case '" + one.id + "'",
                "takes " + std::to_string(n_all) + " tokens with its answer; the model reads " +
                    std::to_string(model.max_positions()) + ": ask for shorter texts");
}

// Reads the question where `sequence` stands, and answers; what was generated goes into `text`.
Figures answer(const Model& model,
               Sequence& sequence,
               const std::vector<int32_t>& question,
               const Ask& one,
               std::string& text) {
  check_tokens(
      model,
      static_cast<int64_t>(sequence.tokens().size() + question.size()) + one.max_new_tokens,
      one);
  const auto start = Clock::now();
  if (!question.empty()) sequence.append(question);
  double first_ms = 0;
  GenerationLimits limits;
  limits.max_new_tokens = one.max_new_tokens;
  GenerationSinks sinks;
  sinks.on_token = [&](int32_t, std::string_view) {
    if (first_ms == 0) first_ms = ms_since(start);
  };
  const Generation made = generate(sequence, limits, sinks);
  const double all_ms = ms_since(start);
  text = made.text;
  Figures out = one.score(text);
  const auto n = static_cast<double>(made.tokens.size());
  out.push_back({"generated_tokens", "", n, Better::Unsaid, ""});
  out.push_back({"first_token_ms", "ms", first_ms, Better::Lower, ""});
  out.push_back({"answer_ms", "ms", all_ms, Better::Lower, ""});
  if (n > 1)
    out.push_back({"ms_per_token", "ms", (all_ms - first_ms) / (n - 1), Better::Lower, ""});
  return out;
}

}  // namespace

Ask ask_of(const tasks::Case& one) {
  const auto score = [one](const std::string& answer) {
    const bool higher = tasks::find_metric(one.metric).higher_is_better;
    nlohmann::json extra = {{"answer", answer}, {"expected", one.answers}};
    if (one.length > 0) extra["length"] = one.length;
    if (!std::isnan(one.depth)) extra["depth"] = one.depth;
    if (one.n_cut > 0) extra["cut_tokens"] = one.n_cut;
    const std::string text = extra.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return Figures{
        {one.metric, "", tasks::score(one, answer), higher ? Better::Higher : Better::Lower, text}};
  };
  Ask ask{one.id, one.question, one.answer_prefix, one.max_new_tokens, score, {}, ""};
  const std::string text = tasks::read_text(one);
  for (const auto& span : one.spans)
    ask.marks.spans.push_back(text.substr(span.begin, span.end - span.begin));
  ask.marks.answers = one.answers;
  if (ask.marks.spans.empty()) ask.marks.spans = one.answers;
  if (!one.answers.empty()) ask.expected = one.answers.front();
  return ask;
}

TextAsker::TextAsker(const Model& model, std::string text, std::optional<bool> chat)
    : model_(model),
      conversation_(model, chat, std::nullopt),
      document_(conversation_.document(text, /*add_special=*/true)) {}

std::vector<int32_t> TextAsker::question_tokens(const Conversation& conversation,
                                                const Ask& one) const {
  // Without a template the beginning of the answer is the end of the question's text.
  if (!conversation.has_template())
    return conversation.next_question(one.question + one.answer_prefix).tokens;
  std::vector<int32_t> tokens = conversation.next_question(one.question).tokens;
  const std::vector<int32_t> prefix = model_.encode(one.answer_prefix, /*add_special=*/false);
  tokens.insert(tokens.end(), prefix.begin(), prefix.end());
  return tokens;
}

int64_t TextAsker::n_needed(const Ask& one) const {
  return n_tokens() + static_cast<int64_t>(question_tokens(conversation_, one).size()) +
         one.max_new_tokens;
}

void TextAsker::check_fits(const Ask& one) const {
  check_tokens(model_, n_needed(one), one);
}

void TextAsker::diagnose(Diagnosis* diagnosis,
                         const Sequence& read,
                         const Ask& one,
                         Figures& out) const {
  if (!diagnosis) return;
  std::vector<int32_t> readers = question_tokens(conversation_, one);
  for (const int32_t token : model_.encode(one.expected, /*add_special=*/false))
    readers.push_back(token);
  for (auto& figure : diagnosis->figures(read, one.marks, readers))
    out.push_back(std::move(figure));
}

std::vector<int32_t> TextAsker::tokens_with(const Ask& one) const {
  std::vector<int32_t> tokens = document_;
  const std::vector<int32_t> question = question_tokens(conversation_, one);
  tokens.insert(tokens.end(), question.begin(), question.end());
  return tokens;
}

void TextAsker::ask(const Sequence& read,
                    bool conversation,
                    std::span<const Ask> asks,
                    Diagnosis* diagnosis,
                    const Done& done) const {
  Sequence talk = read.fork();
  Conversation past = conversation_;
  for (size_t i = 0; i < asks.size(); ++i) {
    if (!conversation && i > 0) talk = read.fork();
    std::string text;
    if (conversation && i > 0) talk.forget_next();  // the template spells the end out
    Figures figures = answer(model_, talk, question_tokens(past, asks[i]), asks[i], text);
    add_bytes(read, figures);
    diagnose(diagnosis, read, asks[i], figures);
    if (conversation) past.answered(asks[i].question, asks[i].answer_prefix + text);
    done(i, std::move(figures));
  }
}

Figures TextAsker::ask_aware(Sequence read, const Ask& one, Diagnosis* diagnosis) const {
  Figures diagnosed;  // before the answer adds to the cache
  diagnose(diagnosis, read, one, diagnosed);
  std::string text;
  Figures out = answer(model_, read, {}, one, text);
  add_bytes(read, out);
  for (auto& figure : diagnosed) out.push_back(std::move(figure));
  return out;
}

TextAsker::Told TextAsker::tell(const Policy& policy,
                                uint64_t seed,
                                const Ask& one,
                                bool question_aware) const {
  SequenceOptions options;
  options.method_seed = seed;
  if (question_aware)
    options.n_question = static_cast<int64_t>(question_tokens(conversation_, one).size());
  Told out{Sequence(model_, policy, options), ""};
  out.read.prefill(question_aware ? tokens_with(one) : document_);
  Sequence talk = out.read.fork();
  const std::vector<int32_t> question =
      question_aware ? std::vector<int32_t>{} : question_tokens(conversation_, one);
  answer(model_, talk, question, one, out.answer);
  return out;
}

}  // namespace kvhost::eval
