// SPDX-License-Identifier: Apache-2.0
#include "cli/kvpress_side.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/json_file.hpp"
#include "kit/templates.hpp"

namespace kvhost {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// A folder for what is handed over, gone at the end.
class HandOver {
 public:
  HandOver() {
    std::string name = (fs::temp_directory_path() / "kvhost-kvpress-XXXXXX").string();
    if (!mkdtemp(name.data())) run_failed(name, "cannot be made; expected a temporary folder that takes files");
    path_ = name;
  }
  ~HandOver() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::string shell_word(const fs::path& path) {
  std::string out = "'";
  for (const char c : path.string()) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The last line that a command said on stderr, which is where it says what is wrong.
std::string run_for_words(const std::string& command, bool& well) {
  FILE* output = popen((command + " 2>&1 >/dev/null").c_str(), "r");
  if (!output) run_failed("kvhost compare", "a shell cannot be started");
  std::string last;
  char line[4096];
  while (std::fgets(line, sizeof line, output))
    if (line[0] != '\n') last = line;
  well = pclose(output) == 0;
  while (!last.empty() && last.back() == '\n') last.pop_back();
  return last;
}

}  // namespace

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
  const HandOver folder;
  write_file(folder / "side.py", [](std::ostream& out) { out << kKvpressSidePy; });
  write_json(folder / "request.json",
             {{"model", request.model.string()},
              {"tokens", request.tokens},
              {"press", request.press},
              {"n_kept", request.n_kept},
              {"out", (folder / "answer.json").string()}});
  bool well = false;
  const std::string said = run_for_words(
      shell_word(python) + " " + shell_word(folder / "side.py") + " " + shell_word(folder / "request.json"), well);
  if (!well) run_failed("--kvpress", said.empty() ? python.string() + " failed without words" : said);
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
