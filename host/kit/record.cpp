// SPDX-License-Identifier: Apache-2.0
#include "kit/record.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/day.hpp"
#include "base/json_file.hpp"
#include "base/version.hpp"
#include "registry/search_path.hpp"

namespace kvhost {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int kSchema = 1;

std::string key_of(const registry::MethodInfo& method) { return method.sha256 + "/" + method.name; }

json read_or_nothing(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  json all = json::parse(bytes.str(), nullptr, /*allow_exceptions=*/false);
  const bool ours = all.is_object() && all.value("schema", json()) == kSchema && all.contains("methods") &&
                    all["methods"].is_object();
  return ours ? all["methods"] : json::object();
}

// 0 for what is none: a damaged file only means that a library is tried again.
int64_t whole(const json& value) { return value.is_number_integer() ? value.get<int64_t>() : 0; }

Record record_of(const json& entry) {
  Record record;
  record.level = entry.at("level").get<std::string>();
  record.failed = entry.at("failed").get<std::vector<std::string>>();
  record.kvhost = entry.at("kvhost").get<std::string>();
  record.date = entry.at("date").get<std::string>();
  record.n_fuzzed = whole(entry.at("n_fuzzed"));
  record.n_findings = whole(entry.at("n_findings"));
  return record;
}

}  // namespace

fs::path default_record_file() {
  const fs::path cache = registry::default_cache_file();
  return cache.empty() ? cache : cache.parent_path() / "validated-1.json";
}

Records::Records(fs::path file) : file_(std::move(file)) {
  if (file_.empty()) return;
  const json stored = read_or_nothing(file_);
  for (const auto& [key, entry] : stored.items()) {
    try {
      all_[key] = record_of(entry);
    } catch (const json::exception&) {  // damaged: as if it were not there
    }
  }
}

const Record* Records::find(const registry::MethodInfo& method) const {
  const auto found = all_.find(key_of(method));
  return found == all_.end() ? nullptr : &found->second;
}

void Records::put(const MethodReport& report, int64_t n_fuzzed, int64_t n_findings) {
  Record record{report.level(), report.failed_checks(), version(), today(), n_fuzzed, n_findings};
  const Record* before = find(report.method);
  const bool same = before && before->kvhost == record.kvhost && before->failed == record.failed;
  if (same && level_height(before->level) > level_height(record.level)) record.level = before->level;
  if (same && n_fuzzed == 0) {
    record.n_fuzzed = before->n_fuzzed;
    record.n_findings = before->n_findings;
  }
  all_[key_of(report.method)] = std::move(record);
}

void Records::save() const {
  if (file_.empty()) return;
  json methods = json::object();
  for (const auto& [key, record] : all_)
    methods[key] = {{"level", record.level},
                    {"failed", record.failed},
                    {"kvhost", record.kvhost},
                    {"date", record.date},
                    {"n_fuzzed", record.n_fuzzed},
                    {"n_findings", record.n_findings}};
  fs::create_directories(file_.parent_path());
  write_json(file_, {{"schema", kSchema}, {"methods", std::move(methods)}});
}

}  // namespace kvhost
