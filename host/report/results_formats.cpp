// SPDX-License-Identifier: Apache-2.0
// Lines in the formats of other programs.
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "report/csv_cells.hpp"
#include "report/results_places.hpp"
#include "report/results_tables.hpp"

namespace kvhost {

using results::Line;
using Json = nlohmann::json;

namespace {

std::string latex_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\textbackslash{}";
    else if (c == '~')
      out += "\\textasciitilde{}";
    else if (c == '^')
      out += "\\textasciicircum{}";
    else if (std::string_view("&%$#_{}").find(c) != std::string_view::npos)
      out += {'\\', c};
    else
      out += c;
  }
  return out;
}

std::string markdown_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("|*_`<\\").find(c) != std::string_view::npos) out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

// "2.013 ± 0.012" with the sign of the format; the mean alone where there is no interval.
std::string with_half(const std::string& mean, double half, const std::string& sign) {
  return std::isfinite(half) ? mean + " " + sign + " " + half_text(half) : mean;
}

std::string value_text(const Line& line, const std::string& sign) {
  return with_half(mean_text(line.value.mean, line.value.half), line.value.half, sign);
}

std::string difference_text(const Line& line, const std::string& sign) {
  if (!line.difference) return "";
  return with_half(
      signed_text(line.difference->mean, line.difference->half), line.difference->half, sign);
}

std::string math(const std::string& text) { return text.empty() ? "" : "$" + text + "$"; }

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json interval_json(const results::Interval& value) {
  return {{"n", value.n},
          {"mean", number(value.mean)},
          {"sd", number(value.sd)},
          {"half", number(value.half)}};
}

}  // namespace

void write_results_csv(std::ostream& out, std::span<const Line> lines) {
  csv_line(out,
           {"task",
            "metric",
            "unit",
            "better",
            "model",
            "suite",
            "arm",
            "composition",
            "keep_ratio",
            "question_aware",
            "n",
            "mean",
            "sd",
            "half_95",
            "n_pairs",
            "difference",
            "difference_half_95",
            "cache_bytes_kept",
            "suite_hash",
            "model_hash",
            "data_hash",
            "source"});
  for (const Line& l : lines) {
    const auto paired = [&](double results::Interval::* field) {
      return l.difference ? csv_number((*l.difference).*field) : "";
    };
    csv_line(out,
             {l.task,
              l.metric,
              l.unit,
              better_word(l.better),
              l.model,
              l.suite,
              l.arm,
              l.composition,
              csv_number(l.budget),
              l.question_aware ? "1" : "0",
              std::to_string(l.value.n),
              csv_number(l.value.mean),
              csv_number(l.value.sd),
              csv_number(l.value.half),
              l.difference ? std::to_string(l.difference->n) : "",
              paired(&results::Interval::mean),
              paired(&results::Interval::half),
              csv_number(l.bytes),
              l.suite_hash,
              l.model_hash,
              l.data_hash,
              l.source});
  }
}

void write_results_json(std::ostream& out, std::span<const Line> lines) {
  Json all = Json::array();
  for (const Line& l : lines)
    all.push_back({{"task", l.task},
                   {"metric", l.metric},
                   {"unit", l.unit},
                   {"better", better_word(l.better)},
                   {"model", l.model},
                   {"suite", l.suite},
                   {"arm", l.arm},
                   {"composition", l.composition},
                   {"keep_ratio", l.budget},
                   {"question_aware", l.question_aware},
                   {"baseline", l.is_baseline},
                   {"value", interval_json(l.value)},
                   {"difference", l.difference ? interval_json(*l.difference) : Json()},
                   {"cache_bytes_kept", number(l.bytes)},
                   {"suite_hash", l.suite_hash},
                   {"model_hash", l.model_hash},
                   {"data_hash", l.data_hash},
                   {"source", l.source}});
  out << Json{{"schema", 1}, {"lines", all}}.dump(2, ' ', false, Json::error_handler_t::replace)
      << '\n';
}

void write_results_markdown(std::ostream& out, std::span<const Line> lines) {
  for (const ResultPlace& place : places_of(lines)) {
    out << "### " << markdown_text(place_title(place.first())) << "\n\n"
        << markdown_text(place_where(place.first()))
        << "; means with 95 % intervals, differences from the baseline case by case.\n\n"
        << "| arm | kept | mean | difference | n | bytes |\n|---|---:|---:|---:|---:|---:|\n";
    for (const Line* line : place.lines)
      out << "| " << markdown_text(arm_title(*line)) << " | " << share_text(line->budget) << " | "
          << value_text(*line, "±") << " | "
          << (line->is_baseline ? "baseline" : difference_text(*line, "±")) << " | "
          << line->value.n << " | " << bytes_text(line->bytes) << " |\n";
    out << '\n';
  }
}

void write_results_latex(std::ostream& out, std::span<const Line> lines) {
  out << "% needs \\usepackage{booktabs}\n";
  for (const ResultPlace& place : places_of(lines)) {
    out << "\\begin{table}\n\\centering\n\\caption{" << latex_text(place_title(place.first()))
        << ", " << latex_text(place_where(place.first()))
        << "; means with 95\\,\\% intervals, differences from the baseline case by case.}\n"
        << "\\begin{tabular}{lrrrrr}\n\\toprule\n"
        << "arm & kept & mean & difference & $n$ & bytes \\\\\n\\midrule\n";
    for (const Line* line : place.lines)
      out << latex_text(arm_title(*line)) << " & " << latex_text(share_text(line->budget)) << " & "
          << math(value_text(*line, "\\pm")) << " & "
          << (line->is_baseline ? "baseline" : math(difference_text(*line, "\\pm"))) << " & "
          << line->value.n << " & " << bytes_text(line->bytes) << " \\\\\n";
    out << "\\bottomrule\n\\end{tabular}\n\\end{table}\n\n";
  }
}

}  // namespace kvhost
