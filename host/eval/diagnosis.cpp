// SPDX-License-Identifier: Apache-2.0
#include "eval/diagnosis.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "base/ranking.hpp"
#include "tokenizer/pieces.hpp"

namespace kvhost::eval {

using nlohmann::json;
using results::Better;

namespace {

// Shorter words stand in a text by chance.
constexpr size_t kFewestBytes = 3;

double rounded(double share) { return std::round(share * 1e4) / 1e4; }

bool holds(const std::vector<int32_t>& head, int32_t position) {
  return std::binary_search(head.begin(), head.end(), position);
}

bool held_anywhere(const KeptPositions& kept, int32_t position) {
  for (const auto& layer : kept)
    for (const auto& head : layer)
      if (holds(head, position)) return true;
  return false;
}

double share_held(const std::vector<int32_t>& head, const std::vector<int32_t>& positions) {
  const auto n =
      std::count_if(positions.begin(), positions.end(), [&](int32_t p) { return holds(head, p); });
  return static_cast<double>(n) / static_cast<double>(positions.size());
}

struct Retention {
  json by_head = json::array();  // [n_layers][n_kv_heads]
  double mean = 0;
};

Retention retention(const KeptPositions& kept, const std::vector<int32_t>& positions) {
  Retention out;
  size_t n = 0;
  for (const auto& layer : kept) {
    json row = json::array();
    for (const auto& head : layer) {
      const double share = share_held(head, positions);
      row.push_back(rounded(share));
      out.mean += share;
      ++n;
    }
    out.by_head.push_back(std::move(row));
  }
  out.mean /= static_cast<double>(n);
  return out;
}

// Positions of the `n` largest, ascending; of equals the earlier ones.
std::vector<int32_t> largest(const std::vector<float>& values, size_t n) {
  Ranking ranked(values);
  std::vector<int32_t> order;
  for (size_t rank = 0; rank < n; ++rank) order.push_back(ranked[rank]);
  std::sort(order.begin(), order.end());
  return order;
}

// Of what stands before `n_text`: with a question in sight more was read.
KeptPositions within(KeptPositions kept, size_t n_text) {
  for (auto& layer : kept)
    for (auto& head : layer)
      head.erase(std::lower_bound(head.begin(), head.end(), static_cast<int32_t>(n_text)),
                 head.end());
  return kept;
}

}  // namespace

Diagnosis::Diagnosis(const Model& model, std::span<const int32_t> text)
    : model_(model), text_(text.begin(), text.end()) {}

std::vector<int32_t> positions_of(const std::vector<std::string>& pieces,
                                  const std::string& words) {
  std::vector<int32_t> out;
  if (words.size() < kFewestBytes) return out;
  std::string all;
  for (const auto& piece : pieces) all += piece;
  const size_t begin = all.find(words), end = begin + words.size();
  if (begin == std::string::npos) return out;
  size_t at = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const size_t next = at + pieces[i].size();
    if (at < end && next > begin) out.push_back(static_cast<int32_t>(i));
    at = next;
  }
  return out;
}

std::vector<int32_t> Diagnosis::positions_of(const std::string& words) {
  if (!model_.tokenizer()) return {};
  if (!pieces_) pieces_ = pieces_of(*model_.tokenizer(), text_);
  return eval::positions_of(*pieces_, words);
}

void Diagnosis::add_marked(const KeptPositions& kept, const Marks& marks, Figures& out) {
  std::set<int32_t> answers;
  for (const auto& words : marks.answers)
    for (const int32_t position : positions_of(words)) answers.insert(position);
  if (!answers.empty()) {
    const auto n = std::count_if(
        answers.begin(), answers.end(), [&](int32_t p) { return !held_anywhere(kept, p); });
    out.push_back({"global_eviction_ratio",
                   "",
                   static_cast<double>(n) / static_cast<double>(answers.size()),
                   Better::Lower,
                   json{{"n_tokens", answers.size()}}.dump()});
  }
  std::set<int32_t> all;
  json spans = json::array();
  for (const auto& words : marks.spans) {
    const std::vector<int32_t> positions = positions_of(words);
    if (positions.empty()) continue;
    all.insert(positions.begin(), positions.end());
    spans.push_back({{"text", words},
                     {"n_tokens", positions.size()},
                     {"kept", rounded(retention(kept, positions).mean)}});
  }
  if (all.empty()) return;
  const Retention whole = retention(kept, {all.begin(), all.end()});
  const json extra = {{"spans", spans}, {"by_layer_and_head", whole.by_head}};
  out.push_back({"span_retention",
                 "",
                 whole.mean,
                 Better::Higher,
                 extra.dump(-1, ' ', false, json::error_handler_t::replace)});
}

void Diagnosis::add_oracle(const KeptPositions& kept,
                           std::span<const int32_t> readers,
                           Figures& out) {
  if (readers.empty()) return;
  const std::vector<int32_t> key(readers.begin(), readers.end());
  if (!reading_) reading_ = std::make_unique<FullReading>(model_, text_);
  if (!received_.contains(key)) received_[key] = reading_->received(readers);
  const ReceivedAttention& received = received_[key];
  double n_same = 0, n_kept = 0, held = 0, sum = 0;
  json by_layer = json::array();
  for (size_t l = 0; l < kept.size(); ++l) {
    double same_here = 0, kept_here = 0;
    for (size_t h = 0; h < kept[l].size(); ++h) {
      const auto& mine = kept[l][h];
      std::vector<int32_t> both;
      const auto best = largest(received[l][h], mine.size());
      std::set_intersection(
          mine.begin(), mine.end(), best.begin(), best.end(), std::back_inserter(both));
      same_here += static_cast<double>(both.size());
      kept_here += static_cast<double>(mine.size());
      for (const int32_t p : mine) held += received[l][h][static_cast<size_t>(p)];
      for (const float value : received[l][h]) sum += value;
    }
    by_layer.push_back(kept_here > 0 ? rounded(same_here / kept_here) : 0);
    n_same += same_here;
    n_kept += kept_here;
  }
  if (n_kept > 0)
    out.push_back({"oracle_overlap",
                   "",
                   n_same / n_kept,
                   Better::Higher,
                   json{{"by_layer", by_layer}}.dump()});
  if (sum > 0) out.push_back({"attention_kept", "", held / sum, Better::Higher, ""});
}

Figures Diagnosis::figures(const Sequence& sequence,
                           const Marks& marks,
                           std::span<const int32_t> readers) {
  Figures out;
  if (sequence.renumbered()) return out;
  const KeptPositions kept = within(sequence.kept(), text_.size());
  add_marked(kept, marks, out);
  add_oracle(kept, readers, out);
  return out;
}

}  // namespace kvhost::eval
