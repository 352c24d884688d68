// SPDX-License-Identifier: Apache-2.0
#include "eval/suite_tasks.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "input/limits.hpp"
#include "input/paths.hpp"

namespace kvhost::eval {

namespace {

namespace fs = std::filesystem;
using Places = std::vector<fs::path>;

// A text of the suite: beside it, or in a data folder. That it is missing is an error, never a
// reason to take another.
fs::path file_at(const JsonAt& at, const Places& places) {
  const fs::path named = at.text();
  std::vector<fs::path> tried;
  for (const auto& place : places) tried.push_back(place / named);
  for (const auto& data : data_folders()) tried.push_back(data / named);
  std::error_code ignored;
  for (const auto& file : tried)
    if (fs::is_regular_file(file, ignored)) return fs::weakly_canonical(file);
  std::vector<std::string> names;
  for (const auto& file : tried) names.push_back(file.string());
  at.refuse("a file; looked for " + join(names, ", ") + "; --data DIR names another folder");
}

// A name, or {"file": name, "sha256": of the bytes it must have}.
fs::path checked_file_at(const JsonAt& at, const Places& places) {
  if (!at.value.is_object()) return file_at(at, places);
  fs::path file;
  std::string wanted;
  read_object(at,
              {{"file", [&](const JsonAt& v) { file = file_at(v, places); }},
               {"sha256", [&](const JsonAt& v) { wanted = v.text(); }}});
  if (file.empty()) at.refuse("\"file\", its name");
  const std::string bytes = read_file(file, ExitCode::BadRequest);
  const std::string found = sha256_hex(bytes.data(), bytes.size());
  if (!wanted.empty() && found != wanted)
    bad_request(at.where(),
                file.string() + " has the SHA-256 " + found + "; expected " + wanted +
                    ": another text would give other figures");
  return file;
}

}  // namespace

std::vector<fs::path> files_at(const JsonAt& at, const std::vector<fs::path>& places) {
  if (!at.value.is_array()) return {checked_file_at(at, places)};
  std::vector<fs::path> files;
  for (const auto& each : at.elements()) files.push_back(checked_file_at(each, places));
  return files;
}

namespace {

LikelihoodTask read_likelihood(const JsonAt& at, const Places& places) {
  LikelihoodTask task;
  read_object(at,
              {{"kind", [](const JsonAt&) {}},
               {"name", [&](const JsonAt& v) { task.name = v.text(); }},
               {"files", [&](const JsonAt& v) { task.files = files_at(v, places); }},
               {"segments", [&](const JsonAt& v) { task.n_segments = v.whole(1); }},
               {"context", [&](const JsonAt& v) { task.context = v.whole(1); }},
               {"scored", [&](const JsonAt& v) { task.scored = v.whole(2); }},
               {"cut_every", [&](const JsonAt& v) { task.cut_every = v.whole(0); }},
               {"copy", [&](const JsonAt& v) { task.copy = v.flag(); }}});
  if (task.files.empty()) at.refuse("\"files\", the texts");
  if (task.copy && task.scored > task.context)
    at.refuse("\"scored\" no larger than \"context\" with \"copy\"");
  if (task.name.empty()) task.name = task.copy ? "copy" : "likelihood";
  return task;
}

const std::vector<std::pair<std::string, QuestionSource>> kSources = {
    {"ruler", QuestionSource::Ruler},
    {"needle", QuestionSource::Needle},
    {"longbench", QuestionSource::LongBench},
    {"infinitebench", QuestionSource::InfiniteBench},
    {"shared_context", QuestionSource::SharedFile},
    {"shared_needles", QuestionSource::SharedNeedles}};

std::vector<int64_t> wholes_at(const JsonAt& at, int64_t least) {
  std::vector<int64_t> out;
  for (const auto& each : at.elements()) out.push_back(each.whole(least));
  return out;
}

std::vector<double> depths_at(const JsonAt& at) {
  std::vector<double> out;
  for (const auto& each : at.elements()) out.push_back(each.number(0, 100));
  return out;
}

std::vector<std::string> ruler_tasks_at(const JsonAt& at) {
  const auto& known = tasks::ruler_tasks();
  if (at.value == "all") return known;
  std::vector<std::string> out;
  for (const auto& each : at.elements()) out.push_back(each.choice(known));
  return out;
}

bool has_benchmark_texts(const QuestionTask& task) {
  return task.source == QuestionSource::LongBench || task.source == QuestionSource::InfiniteBench;
}

QuestionTask read_questions(const JsonAt& at, const std::string& kind, const Places& places) {
  QuestionTask task;
  task.source = std::find_if(kSources.begin(), kSources.end(), [&](const auto& source) {
                  return source.first == kind;
                })->second;
  task.name = kind;
  const auto file = [&](fs::path tasks::RulerFiles::* member) {
    return [&task, &places, member](const JsonAt& v) { task.data.*member = file_at(v, places); };
  };
  read_object(at,
              {{"kind", [](const JsonAt&) {}},
               {"name", [&](const JsonAt& v) { task.name = v.text(); }},
               {"files", [&](const JsonAt& v) { task.files = files_at(v, places); }},
               {"haystack", file(&tasks::RulerFiles::haystack)},
               {"words", file(&tasks::RulerFiles::words)},
               {"squad", file(&tasks::RulerFiles::squad)},
               {"hotpotqa", file(&tasks::RulerFiles::hotpotqa)},
               {"tasks", [&](const JsonAt& v) { task.ruler_tasks = ruler_tasks_at(v); }},
               {"lengths", [&](const JsonAt& v) { task.lengths = wholes_at(v, 64); }},
               {"depths", [&](const JsonAt& v) { task.depths = depths_at(v); }},
               {"needle", [&](const JsonAt& v) { task.needle = v.text(); }},
               {"question", [&](const JsonAt& v) { task.question = v.text(); }},
               {"answer_prefix", [&](const JsonAt& v) { task.answer_prefix = v.text(); }},
               {"answers", [&](const JsonAt& v) { task.answers = v.texts(); }},
               {"cases", [&](const JsonAt& v) { task.n_cases = v.whole(1); }},
               {"questions", [&](const JsonAt& v) { task.n_questions = v.whole(1, 40); }},
               {"most", [&](const JsonAt& v) { task.most = v.whole(1); }},
               {"cut",
                [&](const JsonAt& v) {
                  v.choice({"middle"});
                  if (!has_benchmark_texts(task))
                    v.refuse("it with longbench and infinitebench alone");
                  task.cut_middle = true;
                }},
               {"conversation", [&](const JsonAt& v) { task.conversation = v.flag(); }},
               {"seed", [&](const JsonAt& v) { task.seed = static_cast<uint64_t>(v.whole(0)); }}});
  const bool of_files = has_benchmark_texts(task) || task.source == QuestionSource::SharedFile;
  if (of_files && task.files.empty()) at.refuse("\"files\", the data");
  if (task.source == QuestionSource::Ruler && task.ruler_tasks.empty())
    at.refuse("\"tasks\", names of RULER's or \"all\"");
  if (task.source == QuestionSource::Needle && (task.needle.empty() || task.answers.empty()))
    at.refuse("\"needle\", \"question\" and \"answers\"");
  return task;
}

InstructionTask read_instructions(const JsonAt& at, const Places& places) {
  InstructionTask task;
  task.name = "instructions";
  read_object(at,
              {{"kind", [](const JsonAt&) {}},
               {"name", [&](const JsonAt& v) { task.name = v.text(); }},
               {"words", [&](const JsonAt& v) { task.words = file_at(v, places); }},
               {"topics", [&](const JsonAt& v) { task.topics = v.texts(); }},
               {"instructions", [&](const JsonAt& v) { task.n_instructions = v.whole(1); }},
               {"cases", [&](const JsonAt& v) { task.n_cases = v.whole(1); }},
               {"max_new_tokens", [&](const JsonAt& v) { task.max_new_tokens = v.whole(1); }},
               {"seed", [&](const JsonAt& v) { task.seed = static_cast<uint64_t>(v.whole(0)); }}});
  if (task.words.empty() || task.topics.empty()) at.refuse("\"words\", a text, and \"topics\"");
  return task;
}

Task read_task(const JsonAt& at, const Places& places) {
  std::vector<std::string> kinds = {"likelihood", "instructions"};
  for (const auto& [name, source] : kSources) kinds.push_back(name);
  if (!at.value.is_object() || !at.value.contains("kind"))
    at.refuse("an object with \"kind\": " + join(kinds, ", "));
  const std::string kind = JsonAt{at.value.at("kind"), at.file, at.pointer + "/kind"}.choice(kinds);
  if (kind == "likelihood") return read_likelihood(at, places);
  if (kind == "instructions") return read_instructions(at, places);
  return read_questions(at, kind, places);
}

}  // namespace

std::vector<Task> read_tasks(const JsonAt& at, const std::vector<std::filesystem::path>& places) {
  std::vector<Task> out;
  for (const auto& each : at.elements()) {
    out.push_back(read_task(each, places));
    const std::string& name = task_name(out.back());
    for (size_t i = 0; i + 1 < out.size(); ++i)
      if (task_name(out[i]) == name)
        each.refuse("a \"name\" of its own; " + kvhost::quoted(name) + " is another task's");
  }
  return out;
}

}  // namespace kvhost::eval
