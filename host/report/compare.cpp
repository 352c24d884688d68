// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "report/printers.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string ratio(double full, double compressed) {
  return full > 0 ? format_number(compressed / full, 2) + "x" : "-";
}

void add_bytes(Rows& rows, const char* label, int64_t full, int64_t compressed) {
  rows.push_back({label,
                  format_bytes(full),
                  format_bytes(compressed),
                  ratio(static_cast<double>(full), static_cast<double>(compressed))});
}

void add_time(Rows& rows, const char* label, double full, double compressed) {
  rows.push_back({label, format_ms(full), format_ms(compressed), ratio(full, compressed)});
}

void add_agreement(Rows& rows, const Agreement& a) {
  rows.push_back({"NLL per token",
                  format_number(a.nll_full, 4),
                  format_number(a.nll, 4),
                  ratio(a.nll_full, a.nll)});
  rows.push_back({"perplexity",
                  format_number(std::exp(a.nll_full), 3),
                  format_number(std::exp(a.nll), 3),
                  ratio(std::exp(a.nll_full), std::exp(a.nll))});
  rows.push_back({"KL(full || compressed)", "", format_number(a.kl, 4), ""});
  rows.push_back({"same top-1 token", "", format_percent(a.top1), ""});
}

size_t equal_prefix(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return static_cast<size_t>(end - a.begin());
}

void print_texts(std::ostream& out, const Generation& full, const Generation& compressed) {
  const size_t same = equal_prefix(full.tokens, compressed.tokens);
  if (same == full.tokens.size() && same == compressed.tokens.size()) {
    out << "  both generated the same " << same << " tokens\n";
    return;
  }
  out << "  the generated texts agree for " << same << " of "
      << std::max(full.tokens.size(), compressed.tokens.size())
      << " tokens; the full cache wrote:\n"
      << full.text << '\n';
}

}  // namespace

void print_comparison(std::ostream& out, const Ink& ink, const RunReport& report) {
  if (!report.full) return;
  const Generation& full = *report.full;
  const Generation& compressed = report.run;
  Rows rows = {{"", "full", "compressed", "ratio"}};
  add_bytes(
      rows, "cache, K and V", full.memory.cache_bytes_kept, compressed.memory.cache_bytes_kept);
  add_bytes(rows,
            "cache, allocated",
            full.memory.cache_bytes_allocated,
            compressed.memory.cache_bytes_allocated);
  add_bytes(rows, "cache, peak", full.memory.cache_bytes_peak, compressed.memory.cache_bytes_peak);
  add_time(rows, "prefill", full.timings.prefill_ms, compressed.timings.prefill_ms);
  add_time(rows, "first token", full.timings.ttft_ms, compressed.timings.ttft_ms);
  add_time(rows, "each further token", full.timings.tpot_ms, compressed.timings.tpot_ms);
  if (report.agreement) add_agreement(rows, *report.agreement);
  out << '\n';
  print_table(out, ink, rows, /*with_head=*/true);
  print_texts(out, full, compressed);
}

}  // namespace kvhost
