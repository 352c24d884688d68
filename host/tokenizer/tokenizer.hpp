// SPDX-License-Identifier: Apache-2.0
// Text to ids and back, id for id as the Hugging Face `tokenizers` library does it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvhost {

class StreamDecoder;
struct TokenizerParts;

// Immutable once loaded; copies share everything. Concurrent calls are allowed.
class Tokenizer {
 public:
  // A Hugging Face folder, a tokenizer.json, a vocab.json with merges.txt beside it, or a GGUF
  // file. Throws Error(CannotLoad).
  static Tokenizer load(const std::filesystem::path& dir_or_file);
  // From lists (tokenizer_parts.hpp). Throws Error(CannotLoad) with their origin.
  static Tokenizer from_parts(const TokenizerParts& parts);

  // `add_special` adds what the file puts around a text (<s> and the like). Special tokens spelled
  // out in the text are always read as such. Text that is not UTF-8 throws Error(BadRequest) with
  // the byte offset.
  std::vector<int32_t> encode(std::string_view text, bool add_special = true) const;

  // Bytes that do not form UTF-8 come out as U+FFFD. Ids without a piece (a model's output may be
  // wider than the vocabulary) decode to nothing.
  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;

  // The token as the file spells it ("Ġthe"). Throws Error(BadRequest) for an id that has none.
  const std::string& piece(int32_t id) const;
  std::optional<int32_t> id_of(std::string_view piece) const;
  bool is_special(int32_t id) const;

  // What decode(encode(text, false), false) gives back when nothing in the text is unknown: the
  // text after normalisation (NFC, ...) and after the prefixes and spaces that cutting and decoding
  // add or drop.
  std::string normalize(std::string_view text) const;

  int32_t vocab_size() const;  // one past the largest id, added tokens included
  std::optional<int32_t> bos_id() const;
  std::optional<int32_t> eos_id() const;

  // One line: kind of model, size, where it came from.
  std::string describe() const;
  // Things a user should know; usually none.
  const std::vector<std::string>& warnings() const;

 private:
  friend class StreamDecoder;
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

  std::shared_ptr<const Impl> impl_;
};

// Text of ids that arrive one by one. All the returned parts in order are exactly decode() of all
// the ids.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;

  // The text that became complete: never a part of a character, possibly nothing.
  std::string push(int32_t id);
  // The rest; an unfinished character comes out as U+FFFD. The decoder then starts afresh.
  std::string flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Every sequence of bytes that is not UTF-8 becomes U+FFFD.
std::string sanitize_utf8(std::string_view text);

}  // namespace kvhost
