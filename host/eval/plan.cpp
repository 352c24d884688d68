// SPDX-License-Identifier: Apache-2.0
#include "eval/plan.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/sha256.hpp"
#include "eval/cases.hpp"
#include "eval/cell_key.hpp"
#include "eval/cut_middle.hpp"

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

// Where an arm stands, for messages: "quick.json /arms/1 'SnapKV' in task 'text'".
std::string place_of(const Arm& arm, const std::string& task) {
  return arm.where + " '" + arm.name + "' in task '" + task + "'";
}

bool runs_in(const Arm& arm, const std::string& task) {
  return arm.tasks.empty() ||
         std::find(arm.tasks.begin(), arm.tasks.end(), task) != arm.tasks.end();
}

// The compositions of a suite, ready for one of its tasks.
class Settings {
 public:
  Settings(const Engine& engine, const Model& model, const Suite& suite, const Task& task)
      : engine_(engine),
        model_(model),
        suite_(suite),
        task_(task_name(task)),
        likelihood_(std::get_if<LikelihoodTask>(&task)) {}

  void check(const Arm& arm) const {
    for (const double budget : budgets_of(arm)) policy(arm, budget, place_of(arm, task_));
  }

  // The full cache, then every arm at every budget.
  std::vector<Setting> all() const {
    PolicyOptions everything;
    everything.press = {PressSource::Form::Text, "none", "the full cache", ""};
    std::vector<Setting> out = {{"full",
                                 1,
                                 {0},
                                 engine_.policy(model_, everything),
                                 "none",
                                 "the full cache in task '" + task_ + "'"}};
    for (const auto& arm : suite_.arms)
      if (runs_in(arm, task_)) add(arm, out);
    return out;
  }

 private:
  const std::vector<double>& budgets_of(const Arm& arm) const {
    return arm.budgets.empty() ? suite_.budgets : arm.budgets;
  }

  void add(const Arm& arm, std::vector<Setting>& out) const {
    const std::string place = place_of(arm, task_);
    for (const double budget : budgets_of(arm)) {
      Setting setting{arm.name,
                      budget,
                      arm.seeds.empty() ? suite_.seeds : arm.seeds,
                      policy(arm, budget, place),
                      "",
                      place};
      setting.composition = composition_key(setting.policy, model_);
      const std::string press = setting.policy.press();
      if (press == "none")
        bad_request(place, "keeps everything, which is measured anyway; expected a composition");
      // They would be the same cells, and the second one's name in no table.
      for (const auto& other : out)
        if (other.policy.press() == press && other.budget == budget)
          bad_request(place,
                      "is the composition of '" + other.arm + "', " + press +
                          ", at the same budget; expected another");
      out.push_back(std::move(setting));
    }
  }

  Policy policy(const Arm& arm, double budget, const std::string& place) const {
    PolicyOptions options;
    options.press = {PressSource::Form::Text, arm.press, place, ""};
    options.min_entries = suite_.min_entries;
    options.keep_ratio = budget;
    if (arm.press == "none") options.keep_ratio.reset();
    if (likelihood_ && likelihood_->cut_every > 0) {
      options.decode_press = options.press;
      options.decode_every = likelihood_->cut_every;
      options.decode_budget = std::max<int64_t>(
          static_cast<int64_t>(budget * static_cast<double>(likelihood_->context) + 1e-9), 1);
    }
    try {
      return engine_.policy(model_, options);
    } catch (const Error& e) {
      at_place(e, place);
    }
  }

  const Engine& engine_;
  const Model& model_;
  const Suite& suite_;
  const std::string& task_;
  const LikelihoodTask* likelihood_;
};

void add(
    const Task& task, const LikelihoodTask& one, const Model& model, const Text& base, Plan& plan) {
  for (auto& segment : segments_of(one, model)) {
    plan.push_back(base);
    Text& text = plan.back();
    text.task = &task;
    text.segment = std::make_shared<Segment>(std::move(segment));
  }
}

void add(const Task& task,
         const QuestionTask& one,
         const Model& model,
         const Suite& suite,
         const Text& base,
         Plan& plan) {
  std::vector<tasks::Case> cases = cases_of(one, model);
  if (one.cut_middle)
    for (auto& each : cases) cut_middle(model, suite.chat, each);
  for (const auto& group : tasks::by_text(cases)) {
    plan.push_back(base);
    Text& text = plan.back();
    text.task = &task;
    text.conversation = one.conversation;
    text.asker =
        std::make_shared<TextAsker>(model, tasks::read_text(cases[group.front()]), suite.chat);
    for (const size_t i : group) {
      text.asks.push_back(ask_of(cases[i]));
      text.asker->check_fits(text.asks.back());
    }
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

void add(const Task& task,
         const InstructionTask& one,
         const Model& model,
         const Suite& suite,
         const Text& base,
         Plan& plan) {
  for (const auto& each : cases_of(one)) {
    plan.push_back(base);
    Text& text = plan.back();
    text.task = &task;
    text.asker = std::make_shared<TextAsker>(model, tasks::read_text(each.asked), suite.chat);
    text.asks = {ask_to_follow(each)};
    text.asker->check_fits(text.asks.front());
  }
}

}  // namespace

void at_place(const Error& e, const std::string& place) {
  const std::string text = e.what();
  if (text.rfind(place, 0) == 0) throw e;
  // Flags are the program's words for what a suite says in its own.
  const bool names_flag = e.where().rfind("--", 0) == 0;
  throw Error(e.code(), place, names_flag ? text.substr(e.where().size() + 2) : text);
}

const std::vector<int32_t>& prompt_of(const Text& text) {
  return text.segment ? text.segment->context : text.asker->tokens();
}

Work work_behind(const Text& text, const Setting& setting, std::span<const size_t> asks) {
  Work work;
  if (text.segment) {
    const bool steps = !setting.policy.decode_press().empty();
    (steps ? work.n_stepped : work.n_read) = static_cast<int64_t>(text.segment->scored.size());
    return work;
  }
  for (const size_t i : asks) work.n_stepped += text.asks[i].max_new_tokens;
  return work;
}

std::string why_not(const Engine& engine,
                    const Model& model,
                    const Suite& suite,
                    const Task& task,
                    const Arm& arm) {
  try {
    Settings(engine, model, suite, task).check(arm);
    return "";
  } catch (const Error& e) {
    if (e.code() == ExitCode::Interrupted) throw;
    return e.what();
  }
}

Plan make_plan(const Engine& engine, const Model& model, const Suite& suite) {
  Plan plan;
  for (const auto& task : suite.tasks) {
    Text base;
    base.data_hash = hash_of_files(task);
    base.diagnose = suite.diagnose;
    base.settings = Settings(engine, model, suite, task).all();
    if (const auto* likelihood = std::get_if<LikelihoodTask>(&task))
      add(task, *likelihood, model, base, plan);
    else if (const auto* questions = std::get_if<QuestionTask>(&task))
      add(task, *questions, model, suite, base, plan);
    else
      add(task, std::get<InstructionTask>(task), model, suite, base, plan);
  }
  return plan;
}

}  // namespace kvhost::eval
