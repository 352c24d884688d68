// SPDX-License-Identifier: Apache-2.0
// POST /v1/completions: texts or token ids, as they are.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "serve/press_fields.hpp"
#include "serve/refusal.hpp"
#include "serve/requests.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMostPrompts = 512, kUsualTokens = 16;

struct Prompt {
  std::string text;  // of one given as text
  bool is_text = false;
  std::vector<int32_t> tokens;
};

Prompt read_one(const Json& value,
                const std::string& where,
                const ServedModel& served,
                bool add_special) {
  const Model& model = served.model();
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    return {text, true, model.encode(text, add_special)};
  }
  if (is_token_list(value)) return {"", false, token_ids(value, where, served)};
  refuse_field(where, "found " + kind_of(value) + "; expected a text or a list of token ids");
}

std::vector<Prompt> read_prompts(Fields& fields, const ServedModel& served, bool add_special) {
  const Json* value = fields.any("prompt");
  if (!value) refuse_field("prompt", "not given; expected a text, token ids, or a list of these");
  if (!value->is_array() || is_token_list(*value))
    return {read_one(*value, "prompt", served, add_special)};
  if (value->empty() || std::ssize(*value) > kMostPrompts)
    refuse_field("prompt",
                 "found " + std::to_string(value->size()) + " prompts; expected 1 to " +
                     std::to_string(kMostPrompts));
  std::vector<Prompt> out;
  for (size_t i = 0; i < value->size(); ++i)
    out.push_back(
        read_one((*value)[i], "prompt[" + std::to_string(i) + "]", served, add_special));
  return out;
}

size_t n_characters(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// OpenAI's four lists.
class LogprobLists {
 public:
  LogprobLists(const ServedModel& served, size_t offset) : served_(served), offset_(offset) {}

  // Nothing before it: no log-probability.
  void add(int32_t token, const std::optional<TokenLogprob>& one, bool tops) {
    const std::string text = served_.token_text(token);
    lists_["tokens"].push_back(text);
    lists_["text_offset"].push_back(offset_);
    offset_ += n_characters(text);
    lists_["token_logprobs"].push_back(one ? Json(one->logprob) : Json());
    Json top;
    if (one && tops) {
      top = Json::object();
      // Several tokens may have one text: the likeliest counts.
      for (const auto& [id, logprob] : one->top) top.emplace(served_.token_text(id), logprob);
      top.emplace(text, one->logprob);
    }
    lists_["top_logprobs"].push_back(top);
  }
  Json take() const { return lists_; }
  size_t offset() const { return offset_; }

 private:
  const ServedModel& served_;
  size_t offset_;
  Json lists_ = {{"tokens", Json::array()},
                 {"token_logprobs", Json::array()},
                 {"top_logprobs", Json::array()},
                 {"text_offset", Json::array()}};
};

class CompletionWire : public Wire {
 public:
  CompletionWire(ServedModel& served, int n, bool echo, std::optional<int64_t> n_top, bool usage)
      : served_(served), n_(n), echo_(echo), n_top_(n_top), usage_(usage) {}

  std::vector<std::string> prompt_texts;  // for echo

  std::string piece(const Event& event, const Collected& all) override {
    if (const auto* read = std::get_if<PromptRead>(&event)) return on_read(*read);
    if (const auto* token = std::get_if<TokenChosen>(&event)) return on_token(*token);
    if (const auto* done = std::get_if<AnswerDone>(&event)) {
      Json chunk = object();
      chunk["choices"].push_back(choice(done->choice, done->text, Json(), done->finish_reason));
      if (all.choices.size() == static_cast<size_t>(n_) * prompt_texts.size())
        chunk["kvhost"] = kvhost_json(all);
      return server_sent(chunk);
    }
    return "";
  }

  std::string end(const Collected& all) override {
    std::string out;
    if (usage_) {
      Json chunk = object();
      chunk["usage"] = usage_json(all);
      out = server_sent(chunk);
    }
    return out + "data: [DONE]\n\n";
  }

  std::string whole(const Collected& all) override {
    Json out = object();
    for (const auto& [index, one] : all.choices) {
      const auto prompt = static_cast<size_t>(index / n_);
      Json lists;
      if (n_top_) {
        LogprobLists made(served_, 0);
        if (echo_) add_prompt(all.prompts.at(static_cast<int>(prompt)), made);
        for (const auto& token : one.logprobs) made.add(token.token, token, *n_top_ > 0);
        lists = made.take();
      }
      const std::string text = (echo_ ? prompt_texts[prompt] : "") + one.text;
      out["choices"].push_back(choice(index, text, lists, one.finish_reason));
    }
    out["usage"] = usage_json(all);
    out["kvhost"] = kvhost_json(all);
    return out.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  Json object() const {
    return {{"id", id_},
            {"object", "text_completion"},
            {"created", created_},
            {"model", served_.name()},
            {"choices", Json::array()}};
  }

  static Json choice(int index, const std::string& text, Json logprobs, const std::string& reason) {
    return {{"index", index},
            {"text", text},
            {"logprobs", std::move(logprobs)},
            {"finish_reason", reason.empty() ? Json() : Json(reason)}};
  }

  void add_prompt(const PromptRead& read, LogprobLists& lists) const {
    for (size_t i = 0; i < read.tokens.size(); ++i)
      lists.add(read.tokens[i], read.logprobs[i], *n_top_ > 0);
  }

  std::string on_read(const PromptRead& read) {
    Json chunk = object();
    chunk["kvhost"] = facts_json(read.facts);
    if (echo_)
      for (int i = 0; i < n_; ++i) {
        const int index = read.prompt * n_ + i;
        Json lists;
        if (n_top_) {
          LogprobLists made(served_, 0);
          add_prompt(read, made);
          lists = made.take();
          offsets_[index] = made.offset();
        }
        chunk["choices"].push_back(
            choice(index, prompt_texts[static_cast<size_t>(read.prompt)], lists, ""));
      }
    return server_sent(chunk);
  }

  std::string on_token(const TokenChosen& token) {
    if (token.text.empty() && !token.logprob) return "";
    Json lists;
    if (token.logprob) {
      LogprobLists made(served_, offsets_[token.choice]);
      made.add(token.token, token.logprob, *n_top_ > 0);
      offsets_[token.choice] = made.offset();
      lists = made.take();
    }
    Json chunk = object();
    chunk["choices"].push_back(choice(token.choice, token.text, lists, ""));
    return server_sent(chunk);
  }

  ServedModel& served_;
  int n_;
  bool echo_;
  std::optional<int64_t> n_top_;
  bool usage_;
  std::string id_ = new_id("cmpl-");
  int64_t created_ = seconds_now();
  std::map<int, size_t> offsets_;
};

// Tokens of a scored prompt before these are compressed; these see what was kept.
int64_t context_of(const ServedModel& served, Fields& fields, const Task& task) {
  const auto n = static_cast<int64_t>(task.tokens.size());
  const auto given = fields.whole("n_context", {1, static_cast<double>(n)});
  if (given) return *given;
  if (task.policy.press() == "none" && task.policy.decode_press().empty()) return n;
  return std::max<int64_t>(1, n - served.options().score_tail);
}

}  // namespace

Call completion_call(const Json& body, ServedModel& served) {
  Fields fields(body, "");
  fields.ignore({"model"});  // chosen by it already
  const bool add_special = fields.flag("add_special_tokens").value_or(true);
  const Shared shared = read_shared_fields(body, fields, served);
  std::vector<Prompt> prompts =
      read_prompts(fields, served, add_special && shared.document.empty());
  AnswerOptions answer = read_answer_fields(fields, served, "stop");
  answer.max_new_tokens = read_max_tokens(fields, "max_tokens", served, kUsualTokens);
  answer.n_logprobs = fields.whole("logprobs", {0, kMostTop});
  const bool echo = fields.flag("echo").value_or(false);
  const auto n = fields.whole("n", {1, kMostChoices}).value_or(1);
  fields.only("best_of", n, "every answer that is made is given");
  fields.only("suffix", "", "the text goes on at its end");
  fields.ignore({"user"});
  const StreamWish stream = read_stream_fields(fields);
  const bool score = echo && answer.n_logprobs.has_value();
  if (score && !shared.document.empty())
    refuse_field("echo",
                 "found with logprobs beside document; expected a prompt of its own: a document's "
                 "tokens are not scored again");

  Call call;
  call.stream = stream.stream;
  call.outlet = std::make_shared<Outlet>(prompts.size());
  auto wire = std::make_unique<CompletionWire>(
      served, static_cast<int>(n), echo, answer.n_logprobs, stream.usage);
  for (auto& prompt : prompts) {
    Task task = make_task(shared, served, call.outlet);
    task.tokens = std::move(prompt.tokens);
    check_prompt(served, task, "prompt");
    task.score_prompt = score;
    task.n_context = score ? context_of(served, fields, task) : 0;
    task.answer = answer;
    task.prompt = static_cast<int>(call.tasks.size());
    task.first_choice = task.prompt * static_cast<int>(n);
    task.n_choices = static_cast<int>(n);
    wire->prompt_texts.push_back(prompt.is_text ? prompt.text : served.model().decode(task.tokens));
    call.tasks.push_back(std::move(task));
  }
  if (!score) fields.ignore({"n_context"});
  fields.end();
  call.wire = std::move(wire);
  return call;
}

}  // namespace kvhost
