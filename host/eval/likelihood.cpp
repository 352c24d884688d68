// SPDX-License-Identifier: Apache-2.0
#include "eval/likelihood.hpp"

#include <chrono>
#include <cmath>

#include "base/likeliest.hpp"
#include "engine/agreement.hpp"
#include "engine/model.hpp"
#include "eval/diagnosis.hpp"

namespace kvhost::eval {

using results::Better;

void add_bytes(const Sequence& sequence, Figures& figures) {
  const MemoryUse memory = sequence.memory();
  figures.push_back({results::kBytesMetric,
                     "bytes",
                     static_cast<double>(memory.cache_bytes_kept),
                     Better::Lower,
                     ""});
  figures.push_back({"cache_bytes_full",
                     "bytes",
                     static_cast<double>(memory.cache_bytes_full),
                     Better::Unsaid,
                     ""});
  figures.push_back({"cache_bytes_peak",
                     "bytes",
                     static_cast<double>(memory.cache_bytes_peak),
                     Better::Lower,
                     ""});
  const Timings& times = sequence.timings();
  figures.push_back({"prefill_ms", "ms", times.prefill_ms, Better::Lower, ""});
}

SegmentScorer::SegmentScorer(const Model& model,
                             const Segment& segment,
                             const Policy& full,
                             Diagnosis* diagnosis)
    : model_(model), segment_(segment), full_policy_(full), diagnosis_(diagnosis) {}

SegmentScorer::Rows SegmentScorer::score(Sequence& read, Figures& out) {
  add_bytes(read, out);
  if (diagnosis_)
    for (auto& figure : diagnosis_->figures(read, {}, segment_.scored))
      out.push_back(std::move(figure));
  Rows rows;
  rows.reserve(segment_.scored.size());
  const auto start = std::chrono::steady_clock::now();
  read.force(segment_.scored, [&](size_t, std::span<const float> logits) {
    rows.push_back(log_softmax(logits));
  });
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  out.push_back({"score_ms_per_token",
                 "ms",
                 taken.count() / static_cast<double>(segment_.scored.size()),
                 Better::Lower,
                 ""});
  out.push_back({"cache_bytes_after",
                 "bytes",
                 static_cast<double>(read.bytes_kept()),
                 Better::Lower,
                 ""});
  return rows;
}

Figures SegmentScorer::measure(const Policy& policy,
                               Sequence read,
                               const Sequence::Progress& progress) {
  const bool is_full = policy.press() == "none" && policy.decode_press().empty();
  if (!is_full && !full_) {
    Figures ignored;
    Sequence full(model_, full_policy_);
    full.prefill(segment_.context, progress);
    full_ = score(full, ignored);
  }
  Figures out;
  Rows rows = score(read, out);
  double nll = 0, right = 0, kl = 0, same = 0;
  const size_t n = rows.size();
  for (size_t i = 1; i < n; ++i) {
    const auto token = static_cast<size_t>(segment_.scored[i]);
    const int64_t top = likeliest(rows[i]);
    nll -= rows[i][token];
    right += top == static_cast<int64_t>(token) ? 1 : 0;
    if (is_full) continue;
    kl += divergence((*full_)[i], rows[i]);
    same += top == likeliest((*full_)[i]) ? 1 : 0;
  }
  const auto count = static_cast<double>(n - 1);
  out.push_back({"nll", "nats", nll / count, Better::Lower, ""});
  out.push_back({"perplexity", "", std::exp(nll / count), Better::Lower, ""});
  out.push_back({"accuracy", "", right / count, Better::Higher, ""});
  if (!is_full) {
    out.push_back({"kl", "nats", kl / count, Better::Lower, ""});
    out.push_back({"top1_agreement", "", same / count, Better::Higher, ""});
  } else if (!full_) {
    full_ = std::move(rows);
  }
  return out;
}

}  // namespace kvhost::eval
