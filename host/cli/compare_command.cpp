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
#include "cli/kvpress_side.hpp"
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
  std::string kvpress, python;  // the other side, where it is a press of kvpress
};

// What one of the two made of the prompt.
struct Side {
  std::vector<std::vector<std::vector<float>>> scores;  // as Sequence::scores()
  KeptPositions kept;
};

struct Place {
  size_t layer = 0, head = 0;
  int64_t entry = 0;
};

struct Comparison {
  std::string mine, theirs;  // compositions
  std::string versions;      // of kvpress and what it stands on
  int64_t n_tokens = 0;
  // Scores, where both have some of the same shape.
  bool scored = false;
  double largest = 0, of_mine = 0, of_theirs = 0;
  Place at;
  // Entries kept.
  int64_t n_mine = 0, n_theirs = 0, n_both = 0;
  std::optional<Place> first;  // difference, a position
};

void compare_scores(const Side& mine, const Side& theirs, Comparison& out) {
  const auto &a = mine.scores, &b = theirs.scores;
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

void compare_kept(const Side& mine, const Side& theirs, Comparison& out) {
  const KeptPositions &a = mine.kept, &b = theirs.kept;
  for (size_t l = 0; l < a.size() && l < b.size(); ++l)
    for (size_t h = 0; h < a[l].size() && h < b[l].size(); ++h) {
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

Side side_of(const Sequence& sequence) { return {sequence.scores(), sequence.kept()}; }

void fill_in(const Side& mine, const Side& theirs, Comparison& out) {
  compare_scores(mine, theirs, out);
  compare_kept(mine, theirs, out);
}

// The library here, the press in a Python, over the same tokens and weights.
Comparison compare_with_kvpress(const RunOptions& options, const CompareFlags& flags, const std::string& press,
                                const JobCallbacks& on) {
  const std::filesystem::path python = python_with_kvpress(flags.python);
  RunOptions own = options;
  own.press.press = {PressSource::Form::Text, press, "LIB", ""};
  const Job job = prepare(own);
  SequenceOptions keeping = job.sequence;
  keeping.keep_scores = true;
  Sequence mine(job.model, job.policy, keeping);
  std::vector<Sequence*> one = {&mine};
  prefill_together(one, job.prompt.tokens, [&](double share) {
    if (on.progress) on.progress("reading", share);
  });
  const Side here = side_of(mine);
  int64_t n_kept = 0, n_heads = 0;
  for (const auto& layer : here.kept)
    for (const auto& head : layer) n_kept += std::ssize(head), ++n_heads;
  const KvpressAnswer there = ask_kvpress(
      python, {job.model.facts().path, job.prompt.tokens, flags.kvpress, (n_kept + n_heads / 2) / n_heads});
  Comparison out;
  out.mine = job.policy.press();
  out.theirs = flags.kvpress;
  out.versions = there.versions;
  out.n_tokens = mine.n_prompt_tokens();
  fill_in(here, {there.scores, there.kept}, out);
  return out;
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
  fill_in(side_of(mine), side_of(theirs), out);
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
          {"versions", result.versions.empty() ? nlohmann::json() : nlohmann::json(result.versions)},
          {"n_prompt_tokens", result.n_tokens},
          {"scores", scores},
          {"n_kept", {{"library", result.n_mine}, {"press", result.n_theirs}, {"both", result.n_both}}},
          {"first_difference", first}};
}

void print(const Comparison& result) {
  std::cout << result.mine << " beside " << result.theirs
            << (result.versions.empty() ? "" : " (" + result.versions + ")") << ", " << result.n_tokens << " tokens\n";
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
  const bool peer = !flags.kvpress.empty();
  if (peer && options.press.press.form != PressSource::Form::None)
    bad_request("--kvpress", "given beside --press; expected one of them");
  if (peer && !options.dtype) options.dtype = DType::Float32;  // as the other side reads it
  Progress progress(true);
  JobCallbacks on;
  on.progress = [&](std::string_view phase, double share) { progress.show(phase, share); };
  const Comparison result = peer ? compare_with_kvpress(options, flags, press_with(method), on)
                                 : compare(options, press_with(method), on);
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
          "--kvpress takes a press of kvpress instead, at as many entries per head, in a Python that has it:\n"
          "--python, $KVHOST_ORACLE_VENV, or .venv-oracle here. Exit code 1 where other entries are kept.",
          "kvhost compare build/lib/kvhost/plugins/1/libmy_snapkv.so --press snapkv\n"
          "kvhost compare libmine.so --press knorm --dtype float32 --budget 256 -f book.txt --json -\n"
          "kvhost compare libmine.so --kvpress 'SnapKVPress(window_size=32)' --model tiny --budget 64",
          [](CLI::App& app) {
            auto flags = std::make_shared<CompareFlags>(app);
            app.add_option("library", flags->library)->group("")->type_name("LIB")->required();
            flags->shared.add_model();
            flags->shared.add_prompt();
            flags->shared.add_press();
            app.option_defaults()->group("kvpress");
            add_text(app,
                     {"--kvpress", "PRESS", "A press of kvpress in place of --press: SnapKVPress(window_size=32)."},
                     [own = flags.get()](const std::string& v) { own->kvpress = v; });
            add_text(app,
                     {"--python", "FILE", "The Python that has kvpress."},
                     [own = flags.get()](const std::string& v) { own->python = v; });
            app.option_defaults()->group("Output");
            add_text(app,
                     {"--json", "FILE", "The comparison as JSON; - for standard output."},
                     [own = flags.get()](const std::string& v) { own->json = v; });
            flags->shared.add_plugins();
            return [flags] { return compare_with(*flags); };
          }};
}

}  // namespace kvhost
