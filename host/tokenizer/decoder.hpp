// SPDX-License-Identifier: Apache-2.0
// From pieces back to text, as a chain of stages that pass on what is settled. Decoding a whole
// list of ids and streaming them are the same code, so they cannot disagree.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/json_node.hpp"

namespace kvhost::tok {

class DecodeStage {
 public:
  using Sink = std::function<void(std::string_view)>;

  virtual ~DecodeStage() = default;
  virtual void push(std::string_view token, const Sink& out) = 0;
  virtual void finish(const Sink&) {}  // the last token has been pushed
};

// One text being decoded.
class DecodeChain {
 public:
  explicit DecodeChain(std::vector<std::unique_ptr<DecodeStage>> stages)
      : stages_(std::move(stages)) {}

  // Both append what became final to `text`.
  void push(std::string_view token, std::string* text) { push_at(0, token, text); }
  void finish(std::string* text);

 private:
  void push_at(size_t stage, std::string_view token, std::string* text);

  std::vector<std::unique_ptr<DecodeStage>> stages_;
};

class Decoder {
 public:
  Decoder();  // pieces joined by spaces, as a file without a decoder asks
  explicit Decoder(const JsonNode& node);

  DecodeChain start() const;

 private:
  using Factory = std::function<std::unique_ptr<DecodeStage>()>;
  void add(const JsonNode& node);
  void add_strip(const JsonNode& node);
  void add_stage(Factory factory);

  std::vector<Factory> stages_;
  // Whether what comes out so far counts as one token, handed on in parts.
  bool fused_ = false;
};

}  // namespace kvhost::tok
