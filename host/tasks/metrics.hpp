// SPDX-License-Identifier: Apache-2.0
// How an answer is scored, by the name of the rule; every score lies in [0, 1].
//
// The rules are those of RULER, LongBench and InfiniteBench as kvpress's evaluation applies them,
// quirks included, so that a figure of ours may stand beside a published one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvhost::tasks {

using Strings = std::vector<std::string>;

struct MetricExtra {
  Strings classes;  // of classification: all there are
};

struct Metric {
  std::string_view name;
  std::string_view what;  // one line for people
  // `references` are never empty. Where a rule knows one right answer, any of them may be it (the
  // best counts), unless `what` says what each of them is.
  double (*score)(const std::string& prediction,
                  const Strings& references,
                  const MetricExtra& extra);
  bool higher_is_better = true;
};

const std::vector<Metric>& metrics();

// Throws Error for a name that is none.
const Metric& find_metric(const std::string& name);

// Throws Error when there are no references, or classes where the rule needs them.
double score(const std::string& metric,
             const std::string& prediction,
             const Strings& references,
             const MetricExtra& extra = {});

}  // namespace kvhost::tasks
