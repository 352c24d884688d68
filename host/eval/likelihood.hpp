// SPDX-License-Identifier: Apache-2.0
// How likely a text's continuation is over a compressed cache, and how far that is from the full
// one.
#pragma once

#include <optional>
#include <vector>

#include "engine/policy.hpp"
#include "engine/sequence.hpp"
#include "eval/segments.hpp"
#include "results/cell.hpp"

namespace kvhost::eval {

using Figures = std::vector<results::Measurement>;

class Diagnosis;

// Of one cache: bytes as results::kBytesMetric and beside it.
void add_bytes(const Sequence& sequence, Figures& figures);

// One segment, measured with any number of policies. The first scored token is left out: all
// policies predict it from the same exact prefill.
class SegmentScorer {
 public:
  // `full` keeps everything; it is read when the first policy that does not needs comparing.
  // `diagnosis`: of the segment's context, or null for none.
  SegmentScorer(const Model& model,
                const Segment& segment,
                const Policy& full,
                Diagnosis* diagnosis);

  // `read` stands right behind the segment's context, compressed by `policy`. nll and perplexity,
  // accuracy (the most likely token is the text's), and against the full cache KL(full || this) and
  // the share of equal most likely tokens.
  Figures measure(const Policy& policy, Sequence read, const Sequence::Progress& progress);

 private:
  using Rows = std::vector<std::vector<float>>;  // log probabilities, a row a scored token
  Rows score(Sequence& read, Figures& out);

  const Model& model_;
  const Segment& segment_;
  const Policy& full_policy_;
  Diagnosis* diagnosis_;
  std::optional<Rows> full_;
};

}  // namespace kvhost::eval
