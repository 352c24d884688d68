// SPDX-License-Identifier: Apache-2.0
#include "cli/kvpress_side.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/scratch_folder.hpp"
#include "base/shell.hpp"
#include "kit/templates.hpp"

namespace kvhost {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path python_with_kvpress(const std::string& given) {
  const std::string venv = environment("KVHOST_ORACLE_VENV");
  const fs::path python = !given.empty()  ? fs::path(given)
                          : !venv.empty() ? fs::path(venv) / "bin/python"
                                          : fs::path(".venv-oracle/bin/python");
  if (access(python.c_str(), X_OK) == 0) return python;
  bad_request(!given.empty() ? "--python" : !venv.empty() ? "KVHOST_ORACLE_VENV" : "--kvpress",
              "found no program " + kvhost::quoted(python.string()) +
                  "; expected a Python with kvpress: --python FILE, or KVHOST_ORACLE_VENV, or .venv-oracle here "
                  "(scripts/oracle_env.sh makes it)");
}

KvpressAnswer ask_kvpress(const fs::path& python, const KvpressRequest& request) {
  if (!fs::exists(request.model / "config.json"))
    bad_request("--model",
                "found " + kvhost::quoted(request.model.string()) + "; expected a Hugging Face folder, which kvpress reads");
  const ScratchFolder scratch("kvpress");
  const fs::path& folder = scratch.path();
  write_file(folder / "side.py", [](std::ostream& out) { out << kKvpressSidePy; });
  write_json(folder / "request.json",
             {{"model", request.model.string()},
              {"tokens", request.tokens},
              {"press", request.press},
              {"n_kept", request.n_kept},
              {"out", (folder / "answer.json").string()}});
  // What is wrong it says on standard error, last.
  const auto said = said_by(shell_word(python.string()) + " " + shell_word((folder / "side.py").string()) + " " +
                            shell_word((folder / "request.json").string()) + " 2>&1 >/dev/null");
  if (!said) run_failed("kvhost compare", "a shell cannot be started");
  const std::string words = said->last_line();
  if (!said->well()) run_failed("--kvpress", words.empty() ? python.string() + " failed without words" : words);
  const json answer = read_json(folder / "answer.json", ExitCode::RunFailed);
  KvpressAnswer out;
  for (const auto& [name, version] : answer.at("versions").items())
    out.versions += (out.versions.empty() ? "" : ", ") + name + " " + version.get<std::string>();
  for (const json& layer : answer.at("layers")) {
    out.kept.push_back(layer.at("kept"));
    if (layer.contains("scores")) out.scores.push_back(layer.at("scores"));
  }
  if (out.scores.size() != out.kept.size()) out.scores.clear();
  return out;
}

}  // namespace kvhost
