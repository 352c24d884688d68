// SPDX-License-Identifier: Apache-2.0
// Single measurements for other programs.
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "report/csv_cells.hpp"
#include "report/results_tables.hpp"

namespace kvhost {

using results::Better;
using results::DoneCell;
using Json = nlohmann::json;

void csv_line(std::ostream& out, const std::vector<std::string>& cells) {
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out << ',';
    if (cells[i].find_first_of(",\"\r\n") == std::string::npos) {
      out << cells[i];
      continue;
    }
    out << '"';
    for (const char c : cells[i]) out << (c == '"' ? "\"\"" : std::string(1, c));
    out << '"';
  }
  out << '\n';
}

std::string csv_number(double value) {
  if (std::isnan(value)) return "";
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

std::string better_word(Better better) {
  return better == Better::Higher ? "higher" : better == Better::Lower ? "lower" : "";
}

void write_rows_csv(std::ostream& out, std::span<const DoneCell> cells) {
  csv_line(out, {"suite",  "suite_hash",     "task",  "case_id",    "arm",       "composition",
                 "budget", "question_aware", "seed",  "metric",     "unit",      "value",
                 "better", "extra",          "model", "model_hash", "data_hash", "code_version",
                 "cpu",    "threads",        "dtype", "begun",      "host",      "source"});
  for (const auto& [run, c, measurements] : cells)
    for (const auto& m : measurements)
      csv_line(out,
               {c.suite,
                c.suite_hash,
                c.task,
                c.case_id,
                c.arm,
                c.composition,
                csv_number(c.budget),
                c.question_aware ? "1" : "0",
                std::to_string(c.seed),
                m.metric,
                m.unit,
                csv_number(m.value),
                better_word(m.better),
                m.extra,
                run->model,
                c.model_hash,
                c.data_hash,
                run->code_version,
                run->cpu,
                std::to_string(run->threads),
                run->dtype,
                run->begun,
                run->host,
                run->source});
}

void write_rows_json(std::ostream& out, std::span<const DoneCell> cells) {
  Json rows = Json::array();
  for (const auto& [run, c, measurements] : cells)
    for (const auto& m : measurements)
      rows.push_back({{"suite", c.suite},
                      {"suite_hash", c.suite_hash},
                      {"task", c.task},
                      {"case_id", c.case_id},
                      {"arm", c.arm},
                      {"composition", c.composition},
                      {"budget", c.budget},
                      {"question_aware", c.question_aware},
                      {"seed", c.seed},
                      {"metric", m.metric},
                      {"unit", m.unit},
                      {"value", std::isfinite(m.value) ? Json(m.value) : Json()},
                      {"better", better_word(m.better)},
                      {"extra", m.extra.empty() ? Json() : Json::parse(m.extra, nullptr, false)},
                      {"model", run->model},
                      {"model_hash", c.model_hash},
                      {"data_hash", c.data_hash},
                      {"code_version", run->code_version},
                      {"cpu", run->cpu},
                      {"threads", run->threads},
                      {"dtype", run->dtype},
                      {"begun", run->begun},
                      {"host", run->host},
                      {"source", run->source}});
  for (Json& row : rows)
    if (row["extra"].is_discarded()) row["extra"] = nullptr;  // it was no JSON
  out << Json{{"schema", 1}, {"rows", rows}}.dump(2, ' ', false, Json::error_handler_t::replace)
      << '\n';
}

}  // namespace kvhost
