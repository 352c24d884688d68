// SPDX-License-Identifier: Apache-2.0
#include "cli/run_flags.hpp"

#include "base/error.hpp"
#include "cli/isolate.hpp"
#include "input/config_file.hpp"

namespace kvhost {

void add_plugin_path(CLI::App& app, std::function<void(const std::string&)> sink) {
  add_texts(app,
            {"--plugin-path",
             "DIR",
             "Search this folder for plugins too; may be repeated."},
            std::move(sink));
}

void add_prefer_plugins(CLI::App& app, std::function<void()> sink) {
  add_switch(app,
             {"--prefer-plugins",
              "",
              "Where a plugin and a built-in method have one name, take the plugin."},
             std::move(sink));
}

void RunFlags::name_one_of(const char* group, std::string& held, const std::string& flag) {
  if (!held.empty() && held != flag)
    bad_request(flag, "found together with " + held + "; expected at most one of " + group);
  held = flag;
}

namespace {

const Flag kModelFlag{
    "--model",
    "DIR|NAME",
    "A Hugging Face folder, a hub id in the local hub cache, or a bundled name. Default: the "
    "bundled model."};

}  // namespace

void RunFlags::add_model() {
  app_.option_defaults()->group("Model");
  add_text(app_, kModelFlag, [this](const std::string& v) {
    later([v](RunOptions& o) { o.model = v; });
  });
  add_model_kind();
}

void RunFlags::add_models(std::vector<std::string>* models) {
  app_.option_defaults()->group("Model");
  const Flag flag{kModelFlag.names, kModelFlag.value, kModelFlag.help + " May be repeated."};
  add_texts(app_, flag, [models](const std::string& v) { models->push_back(v); });
  add_model_kind();
}

void RunFlags::add_model_kind() {
  add_choice(app_,
             {"--dtype", "", "Type of weights and cache. Default: the checkpoint's."},
             kDTypeNames,
             [this](const std::string& v) {
               later([v](RunOptions& o) { o.dtype = dtype_from_name(v); });
             });
  add_choice(
      app_,
      {"--weights", "", "How matrices are kept: of fewer bits, or as numbers. Default: as-stored."},
      kWeightNames,
      [this](const std::string& v) {
        later([v](RunOptions& o) { o.weights = weights_from_name(v); });
      });
  add_choice(app_,
             {"--device", "", "Where to run. Default: cpu."},
             kDeviceNames,
             [this](const std::string& v) { later([v](RunOptions& o) { o.device = v; }); });
  add_integer(
      app_,
      {"--threads", "N", "CPU threads; 0 = all cores (default)."},
      Limits{0, 1024},
      [this](int64_t v) { later([v](RunOptions& o) { o.threads = static_cast<int>(v); }); });
}

void RunFlags::add_prompt() {
  app_.option_defaults()->group(
      "Prompt (one of -p, -f, --tokens-file, --demo, --cache; default: standard input, else --demo needle)");
  // A prompt flag replaces whatever prompt the run file names.
  const auto source = [this](const Flag& flag,
                             std::function<void(PromptOptions&, const std::string&)> set) {
    const std::string name = flag.names.substr(flag.names.find("--"));
    add_text(app_, flag, [this, name, set](const std::string& v) {
      name_one_of("--prompt, --prompt-file, --tokens-file, --demo, --cache", prompt_flag_, name);
      later([v, set](RunOptions& o) {
        o.prompt.text.reset();
        o.prompt.demo.reset();
        o.prompt.file.clear();
        o.prompt.tokens_file.clear();
        o.prompt.cache.clear();
        set(o.prompt, v);
      });
    });
  };
  source({"-p,--prompt", "TEXT", "The prompt itself."}, [](auto& p, const auto& v) { p.text = v; });
  source({"-f,--prompt-file", "FILE", "A UTF-8 text file; - = standard input."},
         [](auto& p, const auto& v) { p.file = v; });
  source({"--tokens-file", "FILE", "A JSON array of token ids, used as they are (no BOS added)."},
         [](auto& p, const auto& v) { p.tokens_file = v; });
  source({"--demo", "NAME", "A prompt that comes with the bundled model."},
         [](auto& p, const auto& v) { p.demo = v; });
  source({"--cache", "FILE", "A cache saved by `kvhost compress`, in place of a prompt."},
         [](auto& p, const auto& v) { p.cache = v; });
  add_integer(app_,
              {"--max-prompt-tokens", "N", "Keep only the first N prompt tokens."},
              kPositive,
              [this](int64_t v) { later([v](RunOptions& o) { o.prompt.max_tokens = v; }); });
  add_switch(app_,
             {"--lossy", "", "Replace bytes that are not UTF-8 instead of refusing them."},
             [this] { later([](RunOptions& o) { o.prompt.lossy = true; }); });
  add_switch(app_, {"--no-bos", "", "Add no begin-of-text token."}, [this] {
    later([](RunOptions& o) { o.prompt.no_bos = true; });
  });
}

void RunFlags::add_chat() {
  app_.option_defaults()->group("Chat");
  add_switch(app_,
             {"--chat", "", "Put the prompt as a message, by the model's chat template."},
             [this] { later([](RunOptions& o) { o.prompt.chat = true; }); });
  add_system();
}

void RunFlags::add_system() {
  add_text(app_, {"--system", "TEXT", "A system message before it."}, [this](const std::string& v) {
    later([v](RunOptions& o) { o.prompt.system = v; });
  });
}

void RunFlags::add_plugins() {
  app_.option_defaults()->group("Plugins");
  add_plugin_path(app_, [this](const std::string& v) {
    later([v](RunOptions& o) { o.plugins.paths.emplace_back(v); });
  });
  add_prefer_plugins(app_, [this] { later([](RunOptions& o) { o.plugins.prefer = true; }); });
  add_switch(app_,
             {"--isolate",
              "",
              "Run in a child process, so that a plugin that ends it in silence is told of."},
             [] { ask_for_isolation(); });
}

void RunFlags::add_generate() {
  app_.option_defaults()->group("Generation (greedy unless --temperature > 0)");
  add_integer(app_,
              {"-n,--max-new-tokens",
               "N",
               "Tokens to generate. Default: 64, or what the bundled prompt says."},
              kNotNegative,
              [this](int64_t v) { later([v](RunOptions& o) { o.generate.max_new_tokens = v; }); });
  add_number(app_,
             {"--temperature", "X", "Sampling temperature. Default: 0."},
             kNotNegative,
             [this](double v) { later([v](RunOptions& o) { o.generate.temperature = v; }); });
  add_number(app_,
             {"--top-p", "X", "Sample from the smallest set with this probability. Default: 1."},
             kTopPLimits,
             [this](double v) { later([v](RunOptions& o) { o.generate.top_p = v; }); });
  add_integer(app_,
              {"--top-k", "N", "Sample from the N most likely tokens; 0 = all (default)."},
              kNotNegative,
              [this](int64_t v) { later([v](RunOptions& o) { o.generate.top_k = v; }); });
  add_integer(
      app_, {"--seed", "N", "Seed of the sampling. Default: 0."}, kNotNegative, [this](int64_t v) {
        later([v](RunOptions& o) { o.generate.seed = static_cast<uint64_t>(v); });
      });
  // The first --stop replaces the run file's list, further ones add to it.
  add_texts(app_,
            {"--stop", "TEXT", "Stop before this text; may be repeated."},
            [this, first = true](const std::string& v) mutable {
              later([v, clear = first](RunOptions& o) {
                if (clear) o.generate.stop.clear();
                o.generate.stop.push_back(v);
              });
              first = false;
            });
}

void RunFlags::add_output() {
  app_.option_defaults()->group("Output");
  const auto file = [this](const Flag& flag, std::string OutputOptions::*target) {
    add_text(app_, flag, [this, target](const std::string& v) {
      later([v, target](RunOptions& o) { o.output.*target = v; });
    });
  };
  add_switch(app_,
             {"--compare-full",
              "",
              "Also run the full cache; report memory, time and agreement side by side."},
             [this] { later([](RunOptions& o) { o.output.compare_full = true; }); });
  file({"--json", "FILE", "Write the run report; - = standard output."}, &OutputOptions::json);
  file({"--dump-keep", "FILE", "Write which positions every head kept (JSON)."},
       &OutputOptions::dump_keep);
  file({"--dump-scores", "FILE", "Write the scores of every layer (safetensors)."},
       &OutputOptions::dump_scores);
  file({"--dump-budgets", "FILE", "Write the budgets and what they were made from (JSON)."},
       &OutputOptions::dump_budgets);
  file({"--kept-html", "FILE", "Write a page that shows the prompt, shaded by who kept what."},
       &OutputOptions::kept_html);
  file({"--kept-beside", "SPEC", "On that page, a second composition beside the first."},
       &OutputOptions::kept_beside);
  add_switch(app_, {"--show-kept", "", "Print the prompt, shaded by who kept what."}, [this] {
    later([](RunOptions& o) { o.output.show_kept = true; });
  });
  add_switch(app_,
             {"--json-lines", "", "Print a JSON line for each token as it comes, the report last."},
             [this] { later([](RunOptions& o) { o.output.json_lines = true; }); });
  add_switch(app_, {"-q,--quiet", "", "Print the generated text only."}, [this] {
    later([](RunOptions& o) { o.output.quiet = true; });
  });
  add_color();
}

void RunFlags::add_color() {
  add_choice(app_,
             {"--color",
              "",
              "Colour in the report. Default: auto, that is on a terminal unless NO_COLOR is set."},
             kColorNames,
             [this](const std::string& v) { later([v](RunOptions& o) { o.output.color = v; }); });
}

RunOptions RunFlags::options(RunOptions options) const {
  if (!config_.empty()) read_config_file(config_, options);
  for (const auto& step : steps_) step(options);
  return options;
}

}  // namespace kvhost
