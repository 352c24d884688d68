// SPDX-License-Identifier: Apache-2.0
// What a compression did to the parts of a text that matter: to what an answer hangs on, and to the
// entries that later tokens look at most.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/full_reading.hpp"
#include "engine/sequence.hpp"
#include "eval/likelihood.hpp"

namespace kvhost::eval {

// Words of the text that is compressed; each stands for the place where they come first.
struct Marks {
  std::vector<std::string> answers;  // what is asked for
  std::vector<std::string> spans;    // what the task marks: a needle, an instruction
};

// The tokens, by their `pieces`, over which `words` stand where they come first; none where they do
// not, or are too short to stand there otherwise than by chance.
std::vector<int32_t> positions_of(const std::vector<std::string>& pieces, const std::string& words);

// Of one text, by any number of compressions.
class Diagnosis {
 public:
  Diagnosis(const Model& model, std::span<const int32_t> text);

  // `sequence` stands right behind its prefill, of the text or of the text and more. `readers` are
  // the tokens that come after the text: the question and its answer, or what is scored. No figures
  // where entries have new positions.
  //   global_eviction_ratio  of the answers' tokens: share that no head of any layer holds
  //   span_retention         of the marked spans' tokens: share of layers and KV heads that hold it
  //   oracle_overlap         of all entries kept: share that are among as many entries of their
  //                          head to which the readers attend most over the full cache
  //   attention_kept         share of the readers' attention to the text that falls on kept entries
  Figures figures(const Sequence& sequence,
                  const Marks& marks,
                  std::span<const int32_t> readers);

 private:
  std::vector<int32_t> positions_of(const std::string& words);
  void add_marked(const KeptPositions& kept, const Marks& marks, Figures& out);
  void add_oracle(const KeptPositions& kept, std::span<const int32_t> readers, Figures& out);

  const Model& model_;
  std::vector<int32_t> text_;
  std::optional<std::vector<std::string>> pieces_;  // of each token
  std::unique_ptr<FullReading> reading_;
  std::map<std::vector<int32_t>, ReceivedAttention> received_;  // by readers
};

}  // namespace kvhost::eval
