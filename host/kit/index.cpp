// SPDX-License-Identifier: Apache-2.0
#include "kit/index.hpp"

#include <nlohmann/json.hpp>

#include "base/day.hpp"
#include "base/json_file.hpp"
#include "base/shell.hpp"
#include "base/version.hpp"
#include "kit/model_run.hpp"
#include "kit/templates.hpp"

namespace kvhost {

namespace fs = std::filesystem;
using nlohmann::json;
using registry::MethodInfo;

namespace {

constexpr int kIndexSchema = 1;

// "My Lab" -> "my-lab"
std::string fit_for_a_file(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    out += letter ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  return out;
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
  const auto said = said_by(run_command_of(method, program) + " --compare-full --json - 2>/dev/null");
  const json run = said && said->well() ? report_in(said->text) : json();
  if (!run.is_object() || !run.contains("timings") || !run.contains("full")) return {};
  MethodInfo anywhere = method;  // the folder is this machine's
  anywhere.library = fs::path(".") / method.library.filename();
  return {{"command", run_command_of(anywhere, "kvhost") + " --compare-full"},
          {"n_prompt_tokens", run.value("n_prompt_tokens", 0)},
          {"score_us_per_layer", us_per_layer(run, "score_ms")},
          {"allocate_us_per_layer", us_per_layer(run, "allocate_ms")},
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
            {"date", today()},
            {"level", report.level()},
            {"failed", report.failed_checks()},
            {"n_fuzzed", fuzz.n_run},
            {"n_findings", fuzz.findings.size()}}},
          {"measured", measured}};
}

void begin_index(const fs::path& folder) {
  write_where_absent(folder / "README.md", kIndexReadmeMd);
  write_where_absent(folder / ".github/workflows/ci.yml", kIndexCiYml);
}

}  // namespace kvhost
