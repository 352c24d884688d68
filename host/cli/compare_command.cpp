// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json_file.hpp"
#include "cli/command.hpp"
#include "cli/job.hpp"
#include "cli/library_methods.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "engine/read_together.hpp"
#include "kit/validate.hpp"
#include "report/progress.hpp"

namespace kvhost {

namespace {

struct CompareFlags {
  explicit CompareFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  std::string library, json;
};

struct Place {
  size_t layer = 0, head = 0;
  int64_t entry = 0;
};

struct Comparison {
  std::string mine, theirs;  // compositions
  int64_t n_tokens = 0;
  // Scores, where both have some of the same shape.
  bool scored = false;
  double largest = 0, of_mine = 0, of_theirs = 0;
  Place at;
  // Entries kept.
  int64_t n_mine = 0, n_theirs = 0, n_both = 0;
  std::optional<Place> first;  // difference, a position
};

void compare_scores(const Sequence& mine, const Sequence& theirs, Comparison& out) {
  const auto &a = mine.scores(), &b = theirs.scores();
  if (a.empty() || a.size() != b.size()) return;
  for (size_t l = 0; l < a.size(); ++l)
    for (size_t h = 0; h < a[l].size() && h < b[l].size(); ++h)
      for (size_t i = 0; i < a[l][h].size() && i < b[l][h].size(); ++i) {
        out.scored = true;
        const double x = a[l][h][i], y = b[l][h][i];
        if (std::abs(x - y) <= out.largest) continue;
        out.largest = std::abs(x - y);
        out.of_mine = x;
        out.of_theirs = y;
        out.at = {l, h, static_cast<int64_t>(i)};
      }
}

void compare_kept(const Sequence& mine, const Sequence& theirs, Comparison& out) {
  const KeptPositions a = mine.kept(), b = theirs.kept();
  for (size_t l = 0; l < a.size(); ++l)
    for (size_t h = 0; h < a[l].size(); ++h) {
      std::vector<int32_t> both, one;
      std::set_intersection(a[l][h].begin(), a[l][h].end(), b[l][h].begin(), b[l][h].end(),
                            std::back_inserter(both));
      std::set_symmetric_difference(a[l][h].begin(), a[l][h].end(), b[l][h].begin(),
                                    b[l][h].end(), std::back_inserter(one));
      out.n_mine += static_cast<int64_t>(a[l][h].size());
      out.n_theirs += static_cast<int64_t>(b[l][h].size());
      out.n_both += static_cast<int64_t>(both.size());
      if (!one.empty() && !out.first) out.first = Place{l, h, one.front()};
    }
}

// One reading of the prompt for both.
Comparison compare(const RunOptions& options, const std::string& press, const JobCallbacks& on) {
  const Job job = prepare(options);
  RunOptions other = options;
  other.press.press = {PressSource::Form::Text, press, "LIB", ""};
  const Policy policy = job.engine.policy(job.model, other.press);
  SequenceOptions keeping = job.sequence;
  keeping.keep_scores = true;
  Sequence mine(job.model, policy, keeping), theirs(job.model, job.policy, keeping);
  std::vector<Sequence*> both = {&mine, &theirs};
  prefill_together(both, job.prompt.tokens, [&](double share) {
    if (on.progress) on.progress("reading", share);
  });
  Comparison out;
  out.mine = policy.press();
  out.theirs = job.policy.press();
  out.n_tokens = mine.n_prompt_tokens();
  compare_scores(mine, theirs, out);
  compare_kept(mine, theirs, out);
  return out;
}

nlohmann::json json_of(const Place& place, const char* entry) {
  return {{"layer", place.layer}, {"head", place.head}, {entry, place.entry}};
}

nlohmann::json to_json(const Comparison& result) {
  nlohmann::json scores, first;
  if (result.scored)
    scores = {{"largest_difference", result.largest},
              {"at", json_of(result.at, "entry")},
              {"of_library", result.of_mine},
              {"of_press", result.of_theirs}};
  if (result.first) first = json_of(*result.first, "position");
  return {{"schema", 1},
          {"library", result.mine},
          {"press", result.theirs},
          {"n_prompt_tokens", result.n_tokens},
          {"scores", scores},
          {"n_kept", {{"library", result.n_mine}, {"press", result.n_theirs}, {"both", result.n_both}}},
          {"first_difference", first}};
}

void print(const Comparison& result) {
  std::cout << result.mine << " beside " << result.theirs << ", " << result.n_tokens << " tokens\n";
  if (result.scored)
    std::cout << "scores   largest difference " << result.largest << ", layer " << result.at.layer
              << ", KV head " << result.at.head << ", entry " << result.at.entry << ": "
              << result.of_mine << " and " << result.of_theirs << '\n';
  else
    std::cout << "scores   none to compare\n";
  std::cout << "kept     " << result.n_mine << " and " << result.n_theirs << " entries, "
            << result.n_both << " of them the same\n";
  if (result.first)
    std::cout << "first    difference: layer " << result.first->layer << ", KV head "
              << result.first->head << ", position " << result.first->entry << '\n';
}

int compare_with(const CompareFlags& flags) {
  check_output_file("--json", flags.json);
  const std::filesystem::path library = flags.library;
  const registry::MethodInfo method = methods_of(library).front();
  RunOptions defaults;
  defaults.press.min_entries = 0;
  RunOptions options = flags.shared.options(defaults);
  options.plugins.paths.push_back(std::filesystem::weakly_canonical(library).parent_path());
  options.plugins.prefer = true;
  Progress progress(true);
  JobCallbacks on;
  on.progress = [&](std::string_view phase, double share) { progress.show(phase, share); };
  const Comparison result = compare(options, press_with(method), on);
  progress.erase();
  if (!flags.json.empty()) write_json(flags.json, to_json(result));
  if (flags.json != "-") print(result);
  return result.first ? 1 : 0;
}

}  // namespace

Command compare_command() {
  return {"compare",
          "a plugin beside another composition: scores and what is kept, on one reading of a prompt",
          "LIB",
          "LIB's method is run beside --press (snapkv inside where it wants a scorer): the largest\n"
          "difference of scores, how many kept entries are the same, and where they first differ.\n"
          "Exit code 1 where other entries are kept.",
          "kvhost compare build/lib/kvhost/plugins/1/libmy_snapkv.so --press snapkv\n"
          "kvhost compare libmine.so --press knorm --dtype float32 --budget 256 -f book.txt --json -",
          [](CLI::App& app) {
            auto flags = std::make_shared<CompareFlags>(app);
            app.add_option("library", flags->library)->group("")->type_name("LIB")->required();
            flags->shared.add_model();
            flags->shared.add_prompt();
            flags->shared.add_press();
            app.option_defaults()->group("Output");
            add_text(app,
                     {"--json", "FILE", "The comparison as JSON; - for standard output."},
                     [own = flags.get()](const std::string& v) { own->json = v; });
            flags->shared.add_plugins();
            return [flags] { return compare_with(*flags); };
          }};
}

}  // namespace kvhost
