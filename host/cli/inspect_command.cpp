// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/inspect.hpp"
#include "cli/inspect_surrogate.hpp"
#include "cli/output_files.hpp"
#include "input/paths.hpp"

namespace kvhost {

namespace {

struct InspectFlags {
  std::string model, named, json;  // --model, or the word alone
  bool tensors = false;
};

// A learned file of a method, beside the model where --model names one.
std::optional<int> inspect_surrogate(const InspectFlags& flags) {
  if (!flags.named.ends_with(".safetensors") || !std::filesystem::is_regular_file(flags.named))
    return std::nullopt;
  const auto facts = train::surrogate_facts(flags.named);
  if (!facts) return std::nullopt;
  const auto model = flags.model.empty() ? std::nullopt
                                         : std::optional(take_inventory(resolve_model(flags.model)));
  const nlohmann::json json = surrogate_json(flags.named, *facts, model);
  if (!flags.json.empty()) write_json(flags.json, json);
  if (!goes_to_stdout(flags.json)) std::cout << surrogate_text(json) << std::flush;
  return 0;
}

int inspect(const InspectFlags& flags) {
  check_output_file("--json", flags.json);
  if (const auto done = inspect_surrogate(flags)) return *done;
  if (!flags.model.empty() && !flags.named.empty())
    bad_request("--model", "found together with '" + flags.named + "'; expected one of them");
  const auto model = resolve_model(flags.named.empty() ? flags.model : flags.named);
  const ModelInventory inventory = take_inventory(model);
  const nlohmann::json facts = inventory_json(model.string(), inventory);
  if (!flags.json.empty()) write_json(flags.json, facts);
  if (!goes_to_stdout(flags.json)) std::cout << inventory_text(facts, flags.tensors) << std::flush;
  if (inventory.problem) throw *inventory.problem;
  return 0;
}

}  // namespace

Command inspect_command() {
  return {
      "inspect",
      "what a model is: family, sizes, types and bytes of its tensors, what is not used",
      "[MODEL]",
      "Reads the headers of the files, not the weights. A model whose tensors do not fit its "
      "config.json is\n"
      "described all the same; what is wrong with it follows on standard error, exit code 3.",
      "kvhost inspect tiny\n"
      "kvhost inspect path/to/model --tensors\n"
      "kvhost inspect model.gguf\n"
      "kvhost inspect kvzap_mlp.safetensors --model smollm2\n"
      "kvhost inspect HuggingFaceTB/SmolLM2-135M-Instruct --json -",
      [](CLI::App& app) {
        auto flags = std::make_shared<InspectFlags>();
        app.option_defaults()->group("Flags");
        app.add_option("model_name", flags->named)->group("")->type_name("MODEL");
        add_text(
            app,
            {"--model", "DIR|NAME", "The model, in place of MODEL. Default: the bundled model."},
            [flags](const std::string& v) { flags->model = v; });
        add_switch(
            app, {"--tensors", "", "List every tensor."}, [flags] { flags->tensors = true; });
        add_text(app,
                 {"--json", "FILE", "Write all of it, every tensor too; - = standard output."},
                 [flags](const std::string& v) { flags->json = v; });
        return [flags] { return inspect(*flags); };
      }};
}

}  // namespace kvhost
