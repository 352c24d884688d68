// SPDX-License-Identifier: Apache-2.0
#include "eval/plan.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/sha256.hpp"
#include "eval/cases.hpp"

namespace kvhost::eval {

namespace {

std::string hash_of_files(const Task& task) {
  Sha256 hash;
  for (const auto& file : task_files(task)) {
    const std::string bytes = read_file(file, ExitCode::BadRequest);
    const std::string one = sha256_hex(bytes.data(), bytes.size());
    hash.update(one.data(), one.size());
  }
  return hash.hex();
}

class Settings {
 public:
  Settings(const Engine& engine, const Model& model, const Suite& suite)
      : engine_(engine), model_(model), suite_(suite) {}

  // The full cache, then every arm at every budget. `likelihood`: null for questions.
  std::vector<Setting> all(const LikelihoodTask* likelihood) const {
    std::vector<Setting> out = {{"full", 1, {0}, policy("none", 1, nullptr)}};
    for (const auto& arm : suite_.arms)
      for (const double budget : arm.budgets.empty() ? suite_.budgets : arm.budgets)
        out.push_back({arm.name,
                       budget,
                       arm.seeds.empty() ? suite_.seeds : arm.seeds,
                       policy(arm.press, budget, likelihood)});
    return out;
  }

 private:
  Policy policy(const std::string& press, double budget, const LikelihoodTask* likelihood) const {
    PolicyOptions options;
    options.press = {PressSource::Form::Text, press, "arm", ""};
    options.min_entries = suite_.min_entries;
    if (press == "none") return engine_.policy(model_, options);
    options.keep_ratio = budget;
    if (likelihood && likelihood->cut_every > 0) {
      options.decode_press = {PressSource::Form::Text, press, "arm", ""};
      options.decode_every = likelihood->cut_every;
      options.decode_budget = std::max<int64_t>(
          static_cast<int64_t>(budget * static_cast<double>(likelihood->context)), 1);
    }
    return engine_.policy(model_, options);
  }

  const Engine& engine_;
  const Model& model_;
  const Suite& suite_;
};

void add(const Task& task, const LikelihoodTask& one, const Model& model, const Text& base, Plan& plan) {
  for (auto& segment : segments_of(one, model)) {
    plan.push_back(base);
    Text& text = plan.back();
    text.task = &task;
    text.segment = std::make_shared<Segment>(std::move(segment));
  }
}

void add(const Task& task, const QuestionTask& one, const Model& model, const Suite& suite, const Text& base, Plan& plan) {
  const std::vector<tasks::Case> cases = cases_of(one, model);
  for (const auto& group : tasks::by_text(cases)) {
    plan.push_back(base);
    Text& text = plan.back();
    text.task = &task;
    text.conversation = one.conversation;
    text.asker =
        std::make_shared<TextAsker>(model, tasks::read_text(cases[group.front()]), suite.chat);
    for (const size_t i : group) text.asks.push_back(ask_of(cases[i]));
  }
}

Ask ask_to_follow(const tasks::InstructionCase& one) {
  Ask ask = ask_of(one.asked);
  ask.score = [instructions = one.instructions](const std::string& answer) {
    const auto share = [&](tasks::Strictness strictness) {
      return tasks::followed_share(tasks::followed(instructions, answer, strictness));
    };
    return Figures{
        {"followed", "", share(tasks::Strictness::Strict), results::Better::Higher, ""},
        {"followed_loose", "", share(tasks::Strictness::Loose), results::Better::Higher, ""}};
  };
  return ask;
}

void add(const Task& task, const InstructionTask& one, const Model& model, const Suite& suite, const Text& base, Plan& plan) {
  for (const auto& each : cases_of(one)) {
    plan.push_back(base);
    Text& text = plan.back();
    text.task = &task;
    text.asker = std::make_shared<TextAsker>(model, tasks::read_text(each.asked), suite.chat);
    text.asks = {ask_to_follow(each)};
  }
}

}  // namespace

Work work_of(const Text& text, const Setting& setting, bool question_aware) {
  Work work;
  if (text.segment) {
    const bool steps = !setting.policy.decode_press().empty();
    work.n_read = static_cast<int64_t>(text.segment->context.size());
    (steps ? work.n_stepped : work.n_read) += static_cast<int64_t>(text.segment->scored.size());
    return work;
  }
  const auto n = static_cast<int64_t>(text.asks.size());
  work.n_read = text.asker->n_tokens() * (question_aware ? n : 1);
  for (const auto& ask : text.asks) work.n_stepped += ask.max_new_tokens;
  return work;
}

Plan make_plan(const Engine& engine, const Model& model, const Suite& suite) {
  Plan plan;
  const Settings settings(engine, model, suite);
  for (const auto& task : suite.tasks) {
    Text base;
    base.data_hash = hash_of_files(task);
    const auto* likelihood = std::get_if<LikelihoodTask>(&task);
    base.settings = settings.all(likelihood);
    if (likelihood)
      add(task, *likelihood, model, base, plan);
    else if (const auto* questions = std::get_if<QuestionTask>(&task))
      add(task, *questions, model, suite, base, plan);
    else
      add(task, std::get<InstructionTask>(task), model, suite, base, plan);
  }
  return plan;
}

}  // namespace kvhost::eval
