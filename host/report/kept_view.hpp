// SPDX-License-Identifier: Apache-2.0
// Which tokens of a prompt a press kept: what the page (kept_html) and the terminal (kept_text)
// are made from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kvhost {

struct KeptExchange {
  std::string question;
  std::string answer;
  std::string expect;  // what the answer should contain; empty: nothing was expected
};

struct KeptPress {
  std::string spec;         // canonical text
  std::string budget_line;  // "keep_ratio 0.250: 406 of 1624 entries per head, 9744 in all"
  int64_t n_seen = 0;       // tokens that were there when it was cut: the first n_seen pieces
  // Ascending positions of every layer and KV head, all in [0, n_seen).
  std::vector<std::vector<std::vector<int32_t>>> kept;
  // The entries were given new positions: which tokens they came from is not known, only how many
  // there are. The text stays unshaded and says so.
  bool renumbered = false;
  std::vector<int64_t> layer_budgets;  // entries of all heads of a layer; empty: not known
  std::vector<double> observed;        // what the layer allocator saw, by layer; empty: nothing
  std::string observed_name;           // "effective_rank"
  int64_t bytes_full = 0, bytes_kept = 0;
  std::vector<KeptExchange> exchanges;
};

struct KeptView {
  std::string title, model;
  // The bytes of each token. A character may begin in one piece and end in a later one.
  std::vector<std::string> pieces;
  std::vector<int32_t> marked;  // ascending; tokens that an answer hangs on; usually none
  std::vector<KeptPress> presses;  // one, or two over the same text and model
};

// Throws Error where lengths disagree, positions are out of range or not ascending, there is no
// text or no head, or there are not one or two presses.
void check_kept_view(const KeptView& view);

size_t n_kept_heads(const KeptPress& press);     // KV heads of all layers
int64_t n_kept_entries(const KeptPress& press);  // entries of all heads of all layers

// How many heads of all layers kept each of the first n_seen tokens; all 0 when renumbered.
std::vector<int32_t> heads_that_kept(const KeptPress& press);

// The step of the colour ramp for `count` of `total`: 0 for none, then 1 to 10, a tenth each.
inline int kept_step(int64_t count, int64_t total) {
  return total > 0 ? static_cast<int>((10 * count + total - 1) / total) : 0;
}

}  // namespace kvhost
