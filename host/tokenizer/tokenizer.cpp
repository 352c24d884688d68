// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer.hpp"

#include "base/error.hpp"
#include "format/gguf.hpp"
#include "tokenizer/gguf_tokenizer.hpp"
#include "tokenizer/tokenizer_impl.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost {

namespace {

void refuse_invalid_utf8(std::string_view text) {
  const size_t at = utf8::find_invalid(text);
  if (at == std::string_view::npos) return;
  constexpr const char* kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(text[at]);
  bad_request("text",
              "byte " + std::to_string(at) + " (0x" + kDigits[byte >> 4] + kDigits[byte & 15] +
                  ") is not UTF-8; expected UTF-8 throughout; --lossy replaces such bytes");
}

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& dir_or_file) {
  if (is_gguf(dir_or_file))
    return from_parts(
        gguf_tokenizer_parts(read_gguf(dir_or_file).metadata, dir_or_file.string()));
  return Tokenizer(std::make_shared<const Impl>(tok::read_tokenizer(dir_or_file)));
}

Tokenizer Tokenizer::from_parts(const TokenizerParts& parts) {
  return Tokenizer(std::make_shared<const Impl>(tok::from_parts(parts)));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special) const {
  refuse_invalid_utf8(text);
  std::vector<int32_t> ids;
  std::vector<tok::Piece> pieces;
  const auto on_text = [&](std::string part, bool first) {
    pieces.assign(1, {std::move(part), first});
    impl_->pre_tokenizer.apply(&pieces);
    for (const tok::Piece& p : pieces) impl_->model->encode(p.text, &ids);
  };
  impl_->added.split(
      text, impl_->normalizer, [&](int32_t id) { ids.push_back(id); }, on_text);
  return add_special ? impl_->post_processor.apply(std::move(ids)) : ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  StreamDecoder stream(*this, skip_special);
  std::string text;
  for (const int32_t id : ids) text += stream.push(id);
  return text + stream.flush();
}

// The way of encode(), with each word decoded as if it were one token.
std::string Tokenizer::normalize(std::string_view text) const {
  refuse_invalid_utf8(text);
  tok::DecodeChain chain = impl_->decoder.start();
  std::string out;
  std::vector<tok::Piece> pieces;
  const auto on_text = [&](std::string part, bool first) {
    pieces.assign(1, {std::move(part), first});
    impl_->pre_tokenizer.apply(&pieces);
    for (const tok::Piece& p : pieces) chain.push(p.text, &out);
  };
  const auto on_token = [&](int32_t id) { chain.push(piece(id), &out); };
  impl_->added.split(text, impl_->normalizer, on_token, on_text);
  chain.finish(&out);
  return out;
}

const std::string& Tokenizer::piece(int32_t id) const {
  const std::string* found = impl_->find_piece(id);
  if (found == nullptr)
    bad_request(
        "token id",
        "found " + std::to_string(id) + "; expected 0 to " + std::to_string(vocab_size() - 1));
  return *found;
}

std::optional<int32_t> Tokenizer::id_of(std::string_view piece) const {
  return impl_->id_of(piece);
}

bool Tokenizer::is_special(int32_t id) const {
  return impl_->find_piece(id) != nullptr && impl_->special(id);
}

int32_t Tokenizer::vocab_size() const { return static_cast<int32_t>(impl_->pieces.size()); }
std::optional<int32_t> Tokenizer::bos_id() const { return impl_->bos; }
std::optional<int32_t> Tokenizer::eos_id() const { return impl_->eos; }

std::string Tokenizer::describe() const {
  return impl_->model->describe(impl_->pre_tokenizer.byte_level()) + ", " +
         std::to_string(vocab_size()) + " ids, from " + impl_->origin;
}

const std::vector<std::string>& Tokenizer::warnings() const { return impl_->warnings; }

struct StreamDecoder::State {
  std::shared_ptr<const Tokenizer::Impl> tokenizer;
  tok::DecodeChain chain;
  bool skip_special;
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : state_(std::make_unique<State>(
          State{tokenizer.impl_, tokenizer.impl_->decoder.start(), skip_special})) {}

StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

std::string StreamDecoder::push(int32_t id) {
  std::string text;
  const std::string* piece = state_->tokenizer->find_piece(id);
  if (piece == nullptr || (state_->skip_special && state_->tokenizer->special(id))) return text;
  state_->chain.push(*piece, &text);
  return text;
}

std::string StreamDecoder::flush() {
  std::string text;
  state_->chain.finish(&text);
  state_->chain = state_->tokenizer->decoder.start();
  return text;
}

std::string sanitize_utf8(std::string_view text) { return utf8::sanitize(text); }

}  // namespace kvhost
