// SPDX-License-Identifier: Apache-2.0
#include "analysis/recipe.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analysis/effective_rank.hpp"
#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "eval/suite.hpp"
#include "eval/suite_tasks.hpp"
#include "input/json_object.hpp"

namespace kvhost::analysis {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kShortest = 16, kLongest = 1 << 20;  // tokens

NamedPress press_at(const JsonAt& at) {
  NamedPress out;
  out.where = at.where();
  if (at.value.is_string()) {
    out.name = out.press = at.text();
    return out;
  }
  read_object(at,
              {{"name", [&](const JsonAt& v) { out.name = v.text(); }},
               {"press", [&](const JsonAt& v) { out.press = v.text(); }},
               {"aggregation",
                [&](const JsonAt& v) { out.aggregation = v.choice(aggregations()); }}});
  if (out.press.empty()) at.refuse("\"press\", a composition");
  if (out.name.empty()) out.name = out.press;
  return out;
}

std::vector<NamedPress> presses_at(const JsonAt& at) {
  std::vector<NamedPress> out;
  for (const auto& each : at.elements()) {
    out.push_back(press_at(each));
    for (size_t i = 0; i + 1 < out.size(); ++i)
      if (out[i].name == out.back().name)
        each.refuse("a name of its own; '" + out.back().name + "' is another's");
  }
  return out;
}

std::vector<int64_t> lengths_at(const JsonAt& at) {
  std::vector<int64_t> out;
  for (const auto& each : at.elements()) out.push_back(each.whole(kShortest, kLongest));
  return in_order(out);
}

void read_part(const JsonAt& at, const std::vector<fs::path>& places, Recipe& recipe) {
  read_object(
      at,
      {{"files", [&](const JsonAt& v) { recipe.files = eval::files_at(v, places); }},
       {"texts", [&](const JsonAt& v) { recipe.n_texts = v.whole(1); }},
       {"lengths", [&](const JsonAt& v) { recipe.lengths = lengths_at(v); }},
       {"head_length", [&](const JsonAt& v) { recipe.head_length = v.whole(0); }},
       {"keep_ratio", [&](const JsonAt& v) { recipe.keep_ratio = v.number(1e-4, 1); }},
       {"profile", [&](const JsonAt& v) { recipe.profile = press_at(v); }},
       {"observers", [&](const JsonAt& v) { recipe.observers = presses_at(v); }},
       {"strategies", [&](const JsonAt& v) { recipe.strategies = presses_at(v); }}});
  if (recipe.files.empty()) at.refuse("\"files\", the texts");
  if (recipe.profile.press.find("{profile}") == std::string::npos)
    at.refuse("\"profile\", a composition in which {profile} stands for a file of ranks");
}

bool has_part(const fs::path& file) {
  const json suite =
      json::parse(read_file(file, ExitCode::BadRequest), nullptr, /*allow_exceptions=*/false);
  return suite.is_object() && suite.contains("analysis");
}

}  // namespace

std::vector<int64_t> in_order(std::vector<int64_t> lengths) {
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  return lengths;
}

Recipe read_recipe(const std::string& name, const std::vector<fs::path>& data) {
  const fs::path file = eval::find_suite(name);
  const json suite = read_json(file, ExitCode::BadRequest, RepeatedKeys::Refused);
  if (!suite.is_object() || !suite.contains("analysis"))
    bad_request(file.string() + " /analysis",
                "is absent; expected what to analyse; bundled suites that have it: " +
                    join(bundled_recipes(), ", "));
  Recipe recipe;
  recipe.suite = file.stem().string();
  if (suite.contains("model"))
    recipe.model = JsonAt{suite.at("model"), file.string(), "/model"}.text();
  std::vector<fs::path> places = {file.parent_path()};
  places.insert(places.end(), data.begin(), data.end());
  read_part({suite.at("analysis"), file.string(), "/analysis"}, places, recipe);
  return recipe;
}

std::vector<std::string> bundled_recipes() {
  std::vector<std::string> out;
  for (const auto& name : eval::bundled_suites())
    if (has_part(eval::find_suite(name))) out.push_back(name);
  return out;
}

}  // namespace kvhost::analysis
