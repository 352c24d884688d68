// SPDX-License-Identifier: Apache-2.0
#include "report/kept_view.hpp"

#include "base/error.hpp"

namespace kvhost {

namespace {

std::string number(size_t n) { return std::to_string(n); }

void check_head(const std::string& where, const std::vector<int32_t>& positions, int64_t n_seen) {
  int64_t before = -1;
  for (const int32_t position : positions) {
    if (position <= before || position >= n_seen)
      run_failed(where,
                 "position " + std::to_string(position) + " after " + std::to_string(before) +
                     "; expected ascending positions below " + std::to_string(n_seen));
    before = position;
  }
}

// `n` values are given for the layers, or none at all.
void check_per_layer(const std::string& where, const char* what, size_t n, size_t n_layers) {
  if (n != 0 && n != n_layers)
    run_failed(where,
               number(n) + " values of " + what + "; expected one for each of " + number(n_layers) +
                   " layers");
}

void check_press(const KeptPress& press, size_t n_pieces) {
  const std::string where = "kept view of " + press.spec;
  if (n_kept_heads(press) == 0) run_failed(where, "no KV heads; expected the kept sets of a cache");
  if (press.n_seen < 0 || static_cast<size_t>(press.n_seen) > n_pieces)
    run_failed(where,
               "n_seen is " + std::to_string(press.n_seen) + " beside " + number(n_pieces) +
                   " pieces of text; expected no more than there are");
  check_per_layer(where, "layer_budgets", press.layer_budgets.size(), press.kept.size());
  check_per_layer(where, "observed", press.observed.size(), press.kept.size());
  for (size_t l = 0; l < press.kept.size(); ++l)
    for (size_t h = 0; h < press.kept[l].size(); ++h)
      check_head(
          where + ", layer " + number(l) + ", head " + number(h), press.kept[l][h], press.n_seen);
}

}  // namespace

void check_kept_view(const KeptView& view) {
  const size_t n = view.presses.size();
  if (n != 1 && n != 2) run_failed("kept view", number(n) + " presses; expected one or two");
  if (view.pieces.empty()) run_failed("kept view", "no text; expected the tokens of a prompt");
  check_head("kept view, marked", view.marked, static_cast<int64_t>(view.pieces.size()));
  for (const KeptPress& press : view.presses) check_press(press, view.pieces.size());
  if (n == 1) return;
  const auto &a = view.presses[0].kept, &b = view.presses[1].kept;
  bool same = a.size() == b.size();
  for (size_t l = 0; same && l < a.size(); ++l) same = a[l].size() == b[l].size();
  if (!same)
    run_failed("kept view",
               "the two presses have different layers or KV heads; expected two runs of one model");
}

size_t n_kept_heads(const KeptPress& press) {
  size_t n = 0;
  for (const auto& layer : press.kept) n += layer.size();
  return n;
}

int64_t n_kept_entries(const KeptPress& press) {
  size_t n = 0;
  for (const auto& layer : press.kept)
    for (const auto& head : layer) n += head.size();
  return static_cast<int64_t>(n);
}

std::vector<int32_t> heads_that_kept(const KeptPress& press) {
  std::vector<int32_t> counts(static_cast<size_t>(press.n_seen), 0);
  if (press.renumbered) return counts;
  for (const auto& layer : press.kept)
    for (const auto& head : layer)
      for (const int32_t position : head) ++counts[static_cast<size_t>(position)];
  return counts;
}

}  // namespace kvhost
