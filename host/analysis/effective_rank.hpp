// SPDX-License-Identifier: Apache-2.0
// How many entries an attention map really mixes. Paper: Roy and Vetterli, "The effective rank"
// (EUSIPCO 2007), with RankKV's threshold and normalisation. Float64 throughout: this is what cheap
// estimates are held against.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace at {
class Tensor;
}

namespace kvhost::analysis {

// exp of the entropy of the normalised singular values; those of at most 1e-10 do not count. 0 of
// a matrix that has none.
double rank_of_spectrum(std::span<const double> singular_values);

// map: [rows, columns] of any real type. Divided by its shorter side, so that the largest is 1.
double effective_rank(const at::Tensor& map);

// Mean over the rows of -sum p ln p, nats. map: [rows, columns], a row a distribution.
double mean_row_entropy(const at::Tensor& map);

// Ways to make one number of a layer's heads: "mean" is the rank of their mean map, the others are
// statistics of their own ranks.
const std::vector<std::string>& aggregations();
// Of per_head, median, max, min.
double aggregate(const std::string& aggregation, std::span<const double> head_ranks);

}  // namespace kvhost::analysis
