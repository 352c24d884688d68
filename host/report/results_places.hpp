// SPDX-License-Identifier: Apache-2.0
// Lines by what may be compared, and their numbers as all tables and pages write them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "results/summary.hpp"

namespace kvhost {

// One metric of one task on one model and its texts, under one suite.
struct ResultPlace {
  std::vector<const results::Line*> lines;
  const results::Line& first() const { return *lines.front(); }
};

// Neighbours that belong together, in the order of the lines.
std::vector<ResultPlace> places_of(std::span<const results::Line> lines);

std::string place_title(const results::Line& line);  // "perplexity: nll (nats, lower is better)"
std::string place_where(const results::Line& line);  // "suite quick on tiny, measured by ..."

// "SnapKV" or "SnapKV, question seen".
std::string arm_title(const results::Line& line);

// Two digits of the interval decide how many a mean has: "2.013", "0.012"; "" when not a number.
std::string mean_text(double mean, double half);
std::string half_text(double half);
std::string signed_text(double mean, double half);  // with its sign, for differences
std::string share_text(double share);               // "25%", "12.5%"
std::string bytes_text(double bytes);               // "1.5 MB"; "" when not a number

}  // namespace kvhost
