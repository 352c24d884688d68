// SPDX-License-Identifier: Apache-2.0
#include "tasks/ruler.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "tasks/haystack.hpp"
#include "tasks/python_text.hpp"
#include "tasks/ruler_maker.hpp"

namespace kvhost::tasks {

namespace {

using Haystack = NiahShape::Haystack;
using Kind = NiahShape::Kind;

const std::map<std::string, NiahShape>& niah_shapes() {
  static const std::map<std::string, NiahShape> shapes = {
      {"niah_single_1", {Haystack::Noise, Kind::Words, Kind::Numbers, 1, 1, 1}},
      {"niah_single_2", {Haystack::Essay, Kind::Words, Kind::Numbers, 1, 1, 1}},
      {"niah_single_3", {Haystack::Essay, Kind::Words, Kind::Uuids, 1, 1, 1}},
      {"niah_multikey_1", {Haystack::Essay, Kind::Words, Kind::Numbers, 4, 1, 1}},
      {"niah_multikey_2", {Haystack::Needle, Kind::Words, Kind::Numbers, 1, 1, 1}},
      {"niah_multikey_3", {Haystack::Needle, Kind::Uuids, Kind::Uuids, 1, 1, 1}},
      {"niah_multivalue", {Haystack::Essay, Kind::Words, Kind::Numbers, 1, 4, 1}},
      {"niah_multiquery", {Haystack::Essay, Kind::Words, Kind::Numbers, 4, 1, 4}},
  };
  return shapes;
}

void expect_task(const std::string& task) {
  if (std::find(ruler_tasks().begin(), ruler_tasks().end(), task) == ruler_tasks().end())
    bad_request("RULER task",
                "there is no '" + task + "'; expected one of " + join(ruler_tasks(), ", ") +
                    did_you_mean(task, ruler_tasks()));
}

std::string read_given(const std::string& task,
                       const std::filesystem::path& path,
                       const std::string& what) {
  if (path.empty())
    bad_request("RULER task " + task, "needs " + what + " and none is given; name the file");
  return read_file(path, ExitCode::CannotLoad);
}

RulerMaker maker_of(const RulerRequest& request, const RulerData& data, const CountTokens& count) {
  const auto niah = niah_shapes().find(request.task);
  if (niah != niah_shapes().end()) return niah_maker(niah->second, data);
  if (request.task == "vt") return variable_tracking_maker(request, count);
  if (request.task == "cwe") return common_words_maker(request, data);
  if (request.task == "fwe") return frequent_words_maker(request);
  return questions_maker(data);
}

[[noreturn]] void refuse_short(const RulerRequest& request, const RulerMaker& maker) {
  bad_request("RULER task " + request.task,
              "a length of " + std::to_string(request.length) + " tokens does not hold " +
                  std::to_string(maker.sizes.low) + " " + maker.pieces +
                  " beside the question and the room for its answer; ask for a longer one");
}

void expect_enough(const RulerRequest& request, const RulerMaker& maker, size_t size) {
  if (maker.finite && size == maker.sizes.high)
    bad_request("RULER task " + request.task,
                "there are " + std::to_string(size) + " " + maker.pieces + "; a length of " +
                    std::to_string(request.length) + " tokens takes more: give a longer text");
}

}  // namespace

const Strings& ruler_tasks() {
  static const Strings tasks = {"niah_single_1",
                                "niah_single_2",
                                "niah_single_3",
                                "niah_multikey_1",
                                "niah_multikey_2",
                                "niah_multikey_3",
                                "niah_multivalue",
                                "niah_multiquery",
                                "vt",
                                "cwe",
                                "fwe",
                                "qa_1",
                                "qa_2"};
  return tasks;
}

RulerData read_ruler_data(const std::string& task, const RulerFiles& files) {
  expect_task(task);
  RulerData data;
  const auto niah = niah_shapes().find(task);
  const bool is_niah = niah != niah_shapes().end();
  if (is_niah && niah->second.haystack == Haystack::Essay)
    data.haystack = words(read_given(task, files.haystack, "a haystack"));
  if ((is_niah && niah->second.keys == Kind::Words) || task == "cwe") {
    const auto& path = files.words.empty() ? files.haystack : files.words;
    data.words = word_list(read_given(task, path, "a text to take words from"));
  }
  if (task == "qa_1")
    data.questions = squad_questions(read_given(task, files.squad, "SQuAD"), files.squad.string());
  if (task == "qa_2")
    data.questions =
        hotpotqa_questions(read_given(task, files.hotpotqa, "HotpotQA"), files.hotpotqa.string());
  return data;
}

std::vector<Case> ruler_cases(const RulerRequest& request,
                              const RulerData& data,
                              const CountTokens& count) {
  expect_task(request.task);
  const RulerMaker maker = maker_of(request, data, count);
  const std::string name = request.task + "/" + std::to_string(request.length);
  std::vector<Case> cases;
  Sizes sizes = maker.sizes;
  for (int64_t i = 0; i < request.n_cases; ++i) {
    const Random random(request.seed, name, static_cast<uint64_t>(i));
    const auto tokens = [&](size_t size) {
      const Case one = maker.make(size, random, i);
      return count(prompt(one)) + one.max_new_tokens;
    };
    const auto size = largest_fit(sizes, request.length, tokens);
    if (!size) refuse_short(request, maker);
    expect_enough(request, maker, *size);
    if (i == 0) sizes.guess = *size;  // of case 0 alone, so that no case depends on its neighbours
    Case one = maker.make(*size, random, i);
    one.id = name + "/" + std::to_string(i);
    one.task = request.task;
    one.length = request.length;
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace kvhost::tasks
