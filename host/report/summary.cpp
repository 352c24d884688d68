// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "report/printers.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

std::string share_of(int64_t part, int64_t whole) {
  return whole > 0 ? format_percent(static_cast<double>(part) / static_cast<double>(whole)) : "-";
}

std::string count(int64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string model_line(const RunReport& report) {
  const ModelFacts& m = report.model;
  return m.path + " (" + m.family + ", " + dtype_name(report.dtype) + "), " +
         count(m.n_layers, "layer") + ", " + count(m.n_heads, "head") + " over " +
         count(m.n_kv_heads, "KV head") + " of " + std::to_string(m.head_dim);
}

std::string decode_budget(const DecodeReport& decode) {
  if (decode.keep_ratio > 0) return format_percent(decode.keep_ratio) + " of all tokens seen";
  if (decode.entries_per_head < 0) return "the method's own sizes";
  return std::to_string(decode.entries_per_head) + " entries per head";
}

// What was held after each cut, first and last.
std::string decode_line(const DecodeReport& decode) {
  std::string text = decode.press_spec + ", every " + std::to_string(decode.every) +
                     " tokens, to " + decode_budget(decode) + ": ";
  if (decode.cuts.empty()) return text + "no cut was due";
  const DecodeCut& last = decode.cuts.back();
  return text + count(static_cast<int64_t>(decode.cuts.size()), "cut") + ", the last after " +
         std::to_string(last.n_seen) + " tokens left " + std::to_string(last.entries) +
         " entries, " + format_bytes(last.bytes);
}

std::string tokens_line(const RunReport& report) {
  const auto n_new = static_cast<int64_t>(report.run.tokens.size());
  return count(report.n_prompt_tokens, "prompt token") + ", " + std::to_string(n_new) +
         " generated (" + report.run.finish_reason + ")";
}

std::string memory_line(const MemoryUse& m) {
  return "full " + format_bytes(m.cache_bytes_full) + ", kept " + format_bytes(m.cache_bytes_kept) +
         " (" + share_of(m.cache_bytes_kept, m.cache_bytes_full) + "), allocated " +
         format_bytes(m.cache_bytes_allocated) + ", peak " + format_bytes(m.cache_bytes_peak);
}

std::string time_line(const Timings& t) {
  return "prefill " + format_ms(t.prefill_ms) + ", first token after " + format_ms(t.ttft_ms) +
         ", then " + format_ms(t.tpot_ms) + " a token (" + format_number(t.tokens_per_s, 1) +
         " tokens/s)";
}

std::string compression_line(const Timings& t) {
  const double all = t.passes_ms + t.score_ms + t.allocate_ms + t.select_ms + t.compact_ms;
  const std::string passes = t.passes_ms > 0 ? "passes " + format_ms(t.passes_ms) + ", " : "";
  return format_ms(all) +
         (t.ttft_ms > 0 ? " (" + format_percent(all / t.ttft_ms) + " of the first token's time)"
                        : "") +
         ": " + passes + "score " + format_ms(t.score_ms) + ", allocate " + format_ms(t.allocate_ms) +
         ", select " + format_ms(t.select_ms) + ", compact " + format_ms(t.compact_ms);
}

}  // namespace

std::string budget_line(const BudgetReport& b, int64_t n_prompt_tokens) {
  if (b.mode == "none") return "none: the full cache";
  const std::string value = format_number(b.value, b.value == std::floor(b.value) ? 0 : 3);
  return b.mode + " " + value + (b.defaulted ? " (the default)" : "") + ": " +
         std::to_string(b.entries_per_head) + " of " + std::to_string(n_prompt_tokens) +
         " entries per head, " + std::to_string(b.entries_total) + " in all" +
         (b.raised ? "; raised to --min-entries, the prompt is short" : "");
}

void print_summary(std::ostream& out, const Ink& ink, const RunReport& report) {
  const auto line = [&](const char* label, const std::string& text) {
    out << "  " << ink.dim(pad_right(label, 9)) << text << '\n';
  };
  if (!report.title.empty()) line("prompt", report.title);
  if (!report.question.empty()) line("question", one_line(report.question));
  if (!report.expect.empty())
    line("answer",
         "'" + report.expect + "' " +
             ink.bold(report.run.text.find(report.expect) == std::string::npos ? "was not generated: lost at this budget (--compare-full shows what the full cache says)"
                                                                               : "was generated"));
  line("model", model_line(report));
  line("press", ink.bold(report.press_spec));
  line("budget", budget_line(report.budget, report.n_prompt_tokens));
  if (!report.observed_name.empty())
    line("layers",
         "divided by " + report.observed_name +
             (report.observed_from == "profile" ? ", from a profile stored with the model"
                                                : ", measured on this prompt"));
  if (!report.decode.press_spec.empty()) line("decode", decode_line(report.decode));
  line("tokens", tokens_line(report));
  line("cache", memory_line(report.run.memory));
  line("time", time_line(report.run.timings));
  if (report.budget.mode != "none") line("compress", compression_line(report.run.timings));
  for (const auto& warning : report.warnings) line("warning", warning);
}

void print_report(std::ostream& out, const Ink& ink, const RunReport& report) {
  print_summary(out, ink, report);
  print_picture(out, ink, report);
  print_comparison(out, ink, report);
}

}  // namespace kvhost
