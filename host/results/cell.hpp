// SPDX-License-Identifier: Apache-2.0
// What an evaluation measured, as values. A cell is the smallest piece of a suite that is done or
// not: one case, one composition, one budget, one seed. All that was measured in it is kept at
// once or not at all.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kvhost::results {

// The circumstances that a cell shares with the others of its run. They say where a figure comes
// from; what changes a figure belongs into the cell's key.
struct Run {
  std::string model;         // as it is called: "smollm2", "tiny"
  std::string code_version;  // of what measured: "kvhost 0.1.0"
  std::string cpu;
  int64_t threads = 0;  // 0: not known
  std::string dtype;
  std::string begun;   // "2026-11-27T10:15:00Z"
  std::string host;    // free words on the machine
  std::string source;  // "" measured here; else where it was imported from

  auto operator<=>(const Run&) const = default;
};

// The key. Two cells that are equal here are the same cell: the second one is not measured, or not
// counted. Whatever else changes a figure (dtype, weights, decode press) goes into the hash of the
// suite or the text of the composition.
struct CellKey {
  std::string suite_hash, model_hash, data_hash;
  std::string task, case_id;
  std::string composition;  // canonical text, "none": the whole cache
  double budget = 1;        // kept share wanted, 1: all
  bool question_aware = false;
  int64_t seed = 0;

  auto operator<=>(const CellKey&) const = default;
};

struct Cell : CellKey {
  std::string suite;  // the name by which the suite is called
  std::string arm;    // how tables call the composition: "SnapKV"
  // Where its methods came from, JSON: [{"method", "library", "sha256"}]; "": not known.
  std::string plugins;
};

enum class Better { Unsaid, Higher, Lower };

struct Measurement {
  std::string metric;  // "nll", "top1", "cache_bytes_kept"
  std::string unit;    // "nats", "bytes", "ms"; "" for a share or a count
  double value = 0;    // infinite at worst, never NaN
  Better better = Better::Unsaid;
  std::string extra = {};  // JSON of one value, or ""

  bool operator==(const Measurement&) const = default;
};

struct DoneCell {
  std::shared_ptr<const Run> run;
  Cell cell;
  std::vector<Measurement> measurements;  // by name of the metric
};

// The metric, in "bytes", that tables and figures take for the size of what was kept.
inline constexpr const char* kBytesMetric = "cache_bytes_kept";

}  // namespace kvhost::results
