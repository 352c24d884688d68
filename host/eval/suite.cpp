// SPDX-License-Identifier: Apache-2.0
#include "eval/suite.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "eval/suite_tasks.hpp"
#include "input/json_object.hpp"
#include "input/limits.hpp"
#include "input/paths.hpp"

namespace kvhost::eval {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "examples/suites";

std::vector<int64_t> seeds_at(const JsonAt& at) {
  std::vector<int64_t> out;
  for (const auto& each : at.elements()) out.push_back(each.whole(0));
  return out;
}

std::vector<double> budgets_at(const JsonAt& at) {
  std::vector<double> out;
  for (const auto& each : at.elements()) out.push_back(each.number(1e-4, 1));
  return out;
}

Arm read_arm(const JsonAt& at) {
  Arm arm;
  arm.where = at.where();
  if (at.value.is_string()) {
    arm.name = arm.press = at.text();
    return arm;
  }
  read_object(at,
              {{"name", [&](const JsonAt& v) { arm.name = v.text(); }},
               {"press", [&](const JsonAt& v) { arm.press = v.text(); }},
               {"budgets", [&](const JsonAt& v) { arm.budgets = budgets_at(v); }},
               {"seeds", [&](const JsonAt& v) { arm.seeds = seeds_at(v); }},
               {"tasks", [&](const JsonAt& v) { arm.tasks = v.texts(); }}});
  if (arm.press.empty()) at.refuse("\"press\", a composition");
  if (arm.name.empty()) arm.name = arm.press;
  return arm;
}

std::vector<Arm> read_arms(const JsonAt& at) {
  std::vector<Arm> out;
  for (const auto& each : at.elements()) {
    Arm arm = read_arm(each);
    for (const auto& other : out)
      if (other.name == arm.name)
        each.refuse("a name of its own; " + kvhost::quoted(arm.name) + " is another arm's");
    out.push_back(std::move(arm));
  }
  return out;
}

void check_arm_tasks(const Suite& suite) {
  std::vector<std::string> names;
  for (const auto& task : suite.tasks) names.push_back(task_name(task));
  for (const auto& arm : suite.arms)
    for (const auto& name : arm.tasks)
      if (std::find(names.begin(), names.end(), name) == names.end())
        bad_request(arm.where + "/tasks",
                    "found " + kvhost::quoted(name) + "; expected one of " + join(names, ", ") +
                        did_you_mean(name, names));
}

// A file's JSON, each key once.
nlohmann::json read_once(const fs::path& file) {
  return read_json(file, ExitCode::BadRequest, RepeatedKeys::Refused);
}

// What is left out changes no figure, or stands in a cell's key.
std::string hash_of(nlohmann::json suite) {
  for (const char* key :
       {"name", "description", "model", "arms", "budgets", "question_aware", "seeds", "analysis"})
    suite.erase(key);
  const std::string text = suite.dump();
  return sha256_hex(text.data(), text.size());
}

}  // namespace

fs::path find_suite(const std::string& name) {
  std::error_code ignored;
  if (fs::is_regular_file(name, ignored)) return name;
  for (const auto& data : data_folders())
    if (const auto file = data / kFolder / (name + ".json"); fs::is_regular_file(file, ignored))
      return file;
  const auto names = bundled_suites();
  bad_request("'" + name + "'",
              "no such suite; expected a JSON file or one of " + join(names, ", ") +
                  did_you_mean(name, names));
}

std::vector<std::string> bundled_suites() {
  std::vector<std::string> names;
  for (const auto& data : data_folders()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(data / kFolder, ignored))
      if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Suite read_suite(const std::string& name, const std::vector<fs::path>& data, bool diagnose) {
  const fs::path file = find_suite(name);
  nlohmann::json json = read_once(file);
  if (diagnose && json.is_object()) json["diagnose"] = true;
  std::vector<fs::path> places = {file.parent_path()};
  places.insert(places.end(), data.begin(), data.end());
  Suite suite;
  suite.name = file.stem().string();
  read_object({json, file.string(), ""},
              {{"name", [&](const JsonAt& v) { suite.name = v.text(); }},
               {"description", [&](const JsonAt& v) { suite.description = v.text(); }},
               {"model", [&](const JsonAt& v) { suite.model = v.text(); }},
               {"arms", [&](const JsonAt& v) { suite.arms = read_arms(v); }},
               {"budgets", [&](const JsonAt& v) { suite.budgets = budgets_at(v); }},
               {"question_aware",
                [&](const JsonAt& v) {
                  suite.question_aware.clear();
                  for (const auto& each : v.elements()) suite.question_aware.push_back(each.flag());
                }},
               {"seeds", [&](const JsonAt& v) { suite.seeds = seeds_at(v); }},
               {"chat", [&](const JsonAt& v) { suite.chat = v.flag(); }},
               {"min_entries", [&](const JsonAt& v) { suite.min_entries = v.whole(0); }},
               {"diagnose", [&](const JsonAt& v) { suite.diagnose = v.flag(); }},
               {"tasks", [&](const JsonAt& v) { suite.tasks = read_tasks(v, places); }},
               {"analysis", [](const JsonAt&) {}}});  // kvhost analyze reads it
  if (suite.tasks.empty())
    bad_request(file.string() + " /tasks", "is absent; expected what to measure");
  check_arm_tasks(suite);
  suite.hash = hash_of(json);
  return suite;
}

std::string suite_description(const std::string& name) {
  const fs::path file = find_suite(name);
  const nlohmann::json json = read_once(file);
  const JsonAt at{json, file.string(), ""};
  if (!json.is_object() || !json.contains("description")) return "";
  return JsonAt{json.at("description"), at.file, "/description"}.text();
}

const std::string& task_name(const Task& task) {
  return std::visit([](const auto& one) -> const std::string& { return one.name; }, task);
}

std::vector<std::filesystem::path> task_files(const Task& task) {
  if (const auto* one = std::get_if<LikelihoodTask>(&task)) return one->files;
  if (const auto* one = std::get_if<InstructionTask>(&task)) return {one->words};
  const auto& one = std::get<QuestionTask>(task);
  std::vector<fs::path> files = one.files;
  for (const auto& file : {one.data.haystack, one.data.words, one.data.squad, one.data.hotpotqa})
    if (!file.empty()) files.push_back(file);
  return files;
}

}  // namespace kvhost::eval
