// SPDX-License-Identifier: Apache-2.0
// Pairs of (hidden state, what the teacher scored the token) on disk, a file a layer, so that
// neither memory nor a stopped run limits how many there are.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kvhost::train {

struct PairShape {
  int64_t n_layers = 0, n_inputs = 0, n_outputs = 0;
  // hidden states in float16, scores in float32
  int64_t row_bytes() const { return 2 * n_inputs + 4 * n_outputs; }
};

// Pairs of one layer.
struct Pairs {
  at::Tensor inputs;   // [n, n_inputs] float32
  at::Tensor targets;  // [n, n_outputs] float32
  int64_t n() const { return inputs.size(0); }
};

class PairStore {
 public:
  // Goes on with what `folder` holds, or begins. `key` says of what the pairs are; a folder of
  // another key is an Error(BadRequest).
  PairStore(std::filesystem::path folder, const PairShape& shape, const std::string& key);

  int64_t n_texts() const { return static_cast<int64_t>(rows_.size()); }  // done
  int64_t n_rows() const;
  int64_t bytes() const { return n_rows() * shape_.n_layers * shape_.row_bytes(); }

  // The next text's pairs: inputs[l] [n, n_inputs], targets[l] [n, n_outputs]. On the disk when this
  // returns.
  void add(const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& targets);

  // A layer's pairs, of the texts held out for validation (every twentieth, the last one where there
  // are fewer) or of the others.
  Pairs read(int64_t layer, bool held_out) const;

  // Removes the files.
  void clear();

 private:
  std::filesystem::path file(int64_t layer) const;
  bool is_held_out(int64_t text) const;
  void resume(const std::string& key);
  void write_state() const;

  std::filesystem::path folder_;
  PairShape shape_;
  std::string key_;
  std::vector<int64_t> rows_;  // of each text done
};

}  // namespace kvhost::train
