// SPDX-License-Identifier: Apache-2.0
#include "kit/index.hpp"

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "base/version.hpp"
#include "kit/templates.hpp"

namespace kvhost {

namespace fs = std::filesystem;
using nlohmann::json;
using registry::MethodInfo;

namespace {

constexpr int kIndexSchema = 1;

std::string day_of_today() {
  const std::time_t now = std::time(nullptr);
  std::tm day{};
  gmtime_r(&now, &day);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &day);
  return text;
}

// "My Lab" -> "my-lab"
std::string fit_for_a_file(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    out += letter ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  return out;
}

// What a program printed, from its first { to its last }: words of a plugin may stand around.
json json_printed_by(const std::string& command) {
  FILE* output = popen(command.c_str(), "r");
  if (!output) return {};
  std::string said;
  char part[4096];
  while (std::fgets(part, sizeof part, output)) said += part;
  if (pclose(output) != 0) return {};
  const size_t first = said.find('{'), last = said.rfind('}');
  if (first == said.npos || last == said.npos || last < first) return {};
  const json found = json::parse(said.substr(first, last + 1 - first), nullptr, /*allow_exceptions=*/false);
  return found.is_discarded() ? json() : found;
}

void write_where_absent(const fs::path& file, std::string_view text) {
  if (fs::exists(file)) return;
  fs::create_directories(file.parent_path());
  write_file(file, [&](std::ostream& out) { out << text; });
}

}  // namespace

std::string index_id(const MethodInfo& method) {
  const size_t dot = method.plugin.rfind('.');
  if (dot == std::string::npos)
    return fit_for_a_file(method.vendor.empty() ? "unknown" : method.vendor) + "." + method.name;
  const bool named_alike = method.plugin.substr(dot + 1) == method.name;
  return fit_for_a_file(method.plugin) + (named_alike ? "" : "." + method.name);
}

json measured_in_model(const MethodInfo& method, const std::string& program) {
  const json run = json_printed_by(run_command_of(method, program) + " --compare-full --json - 2>/dev/null");
  if (!run.is_object() || !run.contains("timings") || !run.contains("full")) return {};
  const double n_layers = run.value("/model/n_layers"_json_pointer, 1.0);
  const json& timings = run["timings"];
  const auto a_layer = [&](const char* name) { return 1000 * timings.value(name, 0.0) / n_layers; };
  MethodInfo anywhere = method;  // the folder is this machine's
  anywhere.library = fs::path(".") / method.library.filename();
  return {{"command", run_command_of(anywhere, "kvhost") + " --compare-full"},
          {"n_prompt_tokens", run.value("n_prompt_tokens", 0)},
          {"score_us_per_layer", a_layer("score_ms")},
          {"allocate_us_per_layer", a_layer("allocate_ms")},
          {"cache_bytes_full", run.value("/memory/cache_bytes_full"_json_pointer, 0.0)},
          {"cache_bytes_kept", run.value("/memory/cache_bytes_kept"_json_pointer, 0.0)},
          {"kl", run.value("/full/agreement/kl"_json_pointer, 0.0)},
          {"top1", run.value("/full/agreement/top1"_json_pointer, 0.0)}};
}

json index_entry(const MethodReport& report,
                 const FuzzReport& fuzz,
                 const IndexSource& source,
                 const json& measured) {
  const MethodInfo& method = report.method;
  json failed = json::array();
  for (const CheckResult& check : report.checks)
    if (check.verdict.outcome == Outcome::Fail) failed.push_back(check.id);
  return {{"schema", kIndexSchema},
          {"id", index_id(method)},
          {"name", method.name},
          {"kind", registry::kind_name(method.kind)},
          {"version", method.version},
          {"summary", method.summary},
          {"paper", method.paper},
          {"vendor", method.vendor},
          {"license", method.license},
          {"source", source.url},
          {"commit", source.commit},
          {"build", source.build},
          {"abi", method.abi},
          {"tier", method.tier},
          {"libraries",
           {{{"platform", "linux-x86_64"},
             {"file", method.library.filename().string()},
             {"sha256", method.sha256}}}},
          {"validated",
           {{"kvhost", version()},
            {"date", day_of_today()},
            {"level", report.level()},
            {"failed", std::move(failed)},
            {"n_fuzzed", fuzz.n_run},
            {"n_findings", fuzz.findings.size()}}},
          {"measured", measured}};
}

void begin_index(const fs::path& folder) {
  write_where_absent(folder / "README.md", kIndexReadmeMd);
  write_where_absent(folder / ".github/workflows/ci.yml", kIndexCiYml);
}

}  // namespace kvhost
