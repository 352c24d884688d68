// SPDX-License-Identifier: Apache-2.0
// What the ranks of several texts say together.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "measure/analysis_report.hpp"

namespace kvhost::analysis {

using Profile = std::vector<double>;  // [n_layers]

// Element by element.
Profile mean_of(std::span<const Profile> profiles);
// As of a population: the texts at hand, not others like them.
Profile std_of(std::span<const Profile> profiles);

Similarity similarity(const Profile& a, const Profile& b);
Similarity mean_of(std::span<const Similarity> all);  // not known of none
Similarity least_of(std::span<const Similarity> all);

// The mean of all profiles but one; needs two.
Profile mean_without(std::span<const Profile> profiles, size_t left_out);

// The ranks of a text's layers, one number a layer. Needs head ranks but for "mean".
Profile aggregated(const TextRanks& text, const std::string& aggregation);

// Fills what is derived from length.texts.
void summarise(LengthRanks& length);

// Entries that are at another layer.
double misplaced(std::span<const int64_t> a, std::span<const int64_t> b);

}  // namespace kvhost::analysis
