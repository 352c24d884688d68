// SPDX-License-Identifier: Apache-2.0
// A tokenizer as plain lists: what GGUF metadata and SentencePiece's tokenizer.model hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kvhost {

struct TokenizerParts {
  enum class Kind {
    ByteLevelBpe,      // GGUF's "gpt2": merges in order of rank, pieces spelled byte by byte
    SentencePieceBpe,  // GGUF's "llama": the pair whose whole scores best merges first
    Unigram,           // GGUF's "t5": the cut of the text whose scores sum up highest
  };
  // SentencePiece's numbers, which GGUF keeps.
  enum Type : int32_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

  Kind kind = Kind::ByteLevelBpe;
  std::string origin;               // what messages call the source: a file's name
  std::vector<std::string> pieces;  // by id; the text of "▁" is a space in SentencePiece's kinds
  std::vector<float> scores;        // as many as pieces; may be absent for ByteLevelBpe
  std::vector<int32_t> types;       // as many as pieces, or none: all normal
  std::vector<std::string> merges;  // "left right", ByteLevelBpe only
  std::string pre;                  // tokenizer.ggml.pre, ByteLevelBpe only; "" is "default"
  std::optional<int32_t> bos, eos, unk, pad, eot, eom;
  // Absent: what the kind (and `pre`) make usual.
  std::optional<bool> add_bos, add_eos, add_space_prefix, remove_extra_whitespaces;
  bool prefix_only_first = false;  // the space goes before the text, not behind special tokens too
  // SentencePiece's compiled replacements of characters; "" for none.
  std::string precompiled_charsmap;
};

// The ids after which a text ends: eos, eot, eom, and control tokens that are known to end a turn
// ("<|im_end|>"). Ascending.
std::vector<int32_t> end_ids(const TokenizerParts& parts);

}  // namespace kvhost
