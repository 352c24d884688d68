// SPDX-License-Identifier: Apache-2.0
// POST /v1/compare: how far documents of one text, compressed in different ways, agree on an answer.
// Its tokens are read behind the same question over each of them; what each predicts for every token
// is then laid beside what the others do.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "base/likeliest.hpp"
#include "base/text.hpp"
#include "engine/agreement.hpp"
#include "serve/press_fields.hpp"
#include "serve/refusal.hpp"
#include "serve/requests.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostCompared = 4, kMostAnswerTokens = 1024;

double mean(double sum, size_t n) { return sum / static_cast<double>(n); }

class CompareWire : public Wire {
 public:
  CompareWire(ServedModel& served, std::vector<std::string> documents, std::vector<int32_t> answer)
      : served_(served), documents_(std::move(documents)), answer_(std::move(answer)) {}

  std::vector<std::shared_ptr<LogitRows>> rows;  // of each document

  std::string piece(const Event&, const Collected&) override { return ""; }
  std::string end(const Collected&) override { return ""; }

  std::string whole(const Collected& all) override {
    for (const auto& its : rows)
      for (auto& row : its->of) row = log_softmax(row);
    Json out = {{"object", "comparison"},
                {"model", served_.name()},
                {"n_tokens", answer_.size()},
                {"documents", Json::array()},
                {"pairs", Json::array()},
                {"tokens", Json::array()}};
    for (const int32_t token : answer_) out["tokens"].push_back(served_.token_text(token));
    for (size_t i = 0; i < rows.size(); ++i) {
      out["documents"].push_back(one(i, all.prompts.at(static_cast<int>(i))));
      for (size_t j = i + 1; j < rows.size(); ++j) out["pairs"].push_back(pair(i, j));
    }
    return json_text(out);
  }

 private:
  Json one(size_t i, const PromptRead& read) const {
    Json logprobs = Json::array();
    double sum = 0;
    size_t n_right = 0;
    for (size_t t = 0; t < answer_.size(); ++t) {
      const auto& row = rows[i]->of[t];
      const int32_t token = answer_[t];
      const float logprob = row[static_cast<size_t>(token)];
      logprobs.push_back(logprob);
      sum += logprob;
      n_right += likeliest(row) == token;
    }
    return {{"document", documents_[i]},
            {"logprob", mean(sum, answer_.size())},
            {"top1", mean(static_cast<double>(n_right), answer_.size())},
            {"token_logprobs", logprobs},
            {"kvhost", facts_json(read.facts)}};
  }

  Json pair(size_t i, size_t j) const {
    Json each = Json::array();
    double kl = 0;
    size_t n_same = 0;
    for (size_t t = 0; t < answer_.size(); ++t) {
      const auto &p = rows[i]->of[t], &q = rows[j]->of[t];
      each.push_back(std::max(divergence(p, q), 0.0));
      kl += each.back().get<double>();
      n_same += likeliest(p) == likeliest(q);
    }
    return {{"of", i},
            {"beside", j},
            {"kl", mean(kl, answer_.size())},
            {"top1_agreement", mean(static_cast<double>(n_same), answer_.size())},
            {"token_kl", each}};
  }

  ServedModel& served_;
  std::vector<std::string> documents_;
  std::vector<int32_t> answer_;
};

std::vector<std::string> read_documents(Fields& fields) {
  auto documents = fields.texts("documents");
  if (documents.size() < 2 || documents.size() > kMostCompared)
    refuse_field("documents",
                 "found " + std::to_string(documents.size()) + "; expected the ids of 2 to " +
                     std::to_string(kMostCompared) + ", the one that keeps most first");
  return documents;
}

// They must have been read from one text, so that only what was kept of it differs.
void check_one_text(const std::vector<std::string>& documents, ServedModel& served) {
  served.scheduler().on_engine([&](Shelf& shelf) {
    const StoredDocument& first = shelf.document(documents.front());
    for (const auto& id : documents) {
      const StoredDocument& other = shelf.document(id);
      if (other.model != first.model || other.sequence.tokens() != first.sequence.tokens())
        refuse_field("documents",
                     kvhost::quoted(id) + " was read from another text than " +
                         kvhost::quoted(documents.front()) +
                         "; expected one text in several compressions");
    }
  });
}

std::vector<int32_t> read_answer(Fields& fields, const ServedModel& served) {
  const Json* given = fields.any("answer");
  if (!given) refuse_field("answer", "not given; expected a text or token ids");
  if (!given->is_string() && !given->is_array())
    refuse_field("answer", "found " + kind_of(*given) + "; expected a text or token ids");
  const auto tokens = given->is_string() ? served.model().encode(given->get<std::string>(), false)
                                         : token_ids(*given, "answer", served);
  if (tokens.empty() || tokens.size() > kMostAnswerTokens)
    refuse_field("answer",
                 "holds " + std::to_string(tokens.size()) + " tokens; expected 1 to " +
                     std::to_string(kMostAnswerTokens));
  return tokens;
}

// What stands between a document and the answer: messages as in a chat, or a text as it is.
std::vector<int32_t> read_question(Fields& fields,
                                   const std::string& document,
                                   ServedModel& served) {
  const Json* messages = fields.any("messages");
  const auto prompt = fields.text("prompt");
  if ((messages != nullptr) == prompt.has_value())
    refuse_field("messages", "expected either messages or prompt");
  if (messages) return read_talk(*messages, Json(), Json(), document, served).tokens;
  auto tokens = served.model().encode(*prompt, /*add_special=*/false);
  if (tokens.empty()) refuse_field("prompt", "holds no tokens; expected at least one");
  return tokens;
}

}  // namespace

Call compare_call(const Json& body, ServedModel& served) {
  Fields fields(body, "");
  fields.ignore({"model"});  // chosen by it already
  const auto documents = read_documents(fields);
  check_one_text(documents, served);
  const auto answer = read_answer(fields, served);
  const auto question = read_question(fields, documents.front(), served);
  fields.end();

  std::vector<int32_t> tokens = question;  // the answer's last one predicts nothing that is asked
  tokens.insert(tokens.end(), answer.begin(), answer.end() - 1);
  const KeyedPolicy policy = served.policy(full_cache());
  Call call;
  call.outlet = std::make_shared<Outlet>(documents.size());
  auto wire = std::make_unique<CompareWire>(served, documents, answer);
  for (const auto& id : documents) {
    Task task = new_task(served, policy.policy, call.outlet);
    task.tokens = tokens;
    check_prompt(served, task, "answer");
    task.document = id;
    task.rows = std::make_shared<LogitRows>();
    task.rows_from = question.size() - 1;
    task.n_choices = 0;
    task.prompt = static_cast<int>(call.tasks.size());
    wire->rows.push_back(task.rows);
    call.tasks.push_back(std::move(task));
  }
  call.wire = std::move(wire);
  return call;
}

}  // namespace kvhost
