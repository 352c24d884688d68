// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/decode_stages.hpp"

#include <charconv>
#include <optional>

#include "tokenizer/byte_level.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

using Sink = DecodeStage::Sink;

class Join : public DecodeStage {
 public:
  void push(std::string_view token, const Sink& out) override {
    if (!first_) out(" ");
    out(token);
    first_ = false;
  }

 private:
  bool first_ = true;
};

class WholeText : public DecodeStage {
 public:
  void push(std::string_view token, const Sink&) override { text_ += token; }
  void finish(const Sink& out) override { out(text_); }

 private:
  std::string text_;
};

class ByteLevel : public DecodeStage {
 public:
  void push(std::string_view token, const Sink& out) override {
    append_spelled_bytes(bytes_, token);
    pass_on(out, /*last=*/false);
  }
  void finish(const Sink& out) override { pass_on(out, /*last=*/true); }

 private:
  // A character cut off at the end waits for its other bytes.
  void pass_on(const Sink& out, bool last) {
    size_t done = 0;
    while (done < bytes_.size()) {
      const utf8::Scan found = utf8::scan(bytes_, done);
      if (found.status == utf8::Status::Truncated && !last) break;
      done += found.length;
    }
    if (done > 0) out(utf8::sanitize(std::string_view(bytes_).substr(0, done)));
    bytes_.erase(0, done);
  }

  std::string bytes_;
};

// 10 of "<0x0A>".
std::optional<char> byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (error != std::errc() || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

class ByteFallback : public DecodeStage {
 public:
  void push(std::string_view token, const Sink& out) override {
    if (const auto byte = byte_of(token)) {
      bytes_ += *byte;
      return;
    }
    finish(out);
    out(token);
  }
  void finish(const Sink& out) override {
    if (bytes_.empty()) return;
    if (utf8::find_invalid(bytes_) == std::string_view::npos) {
      out(bytes_);
    } else {
      for (size_t i = 0; i < bytes_.size(); ++i) out(utf8::kReplacement);
    }
    bytes_.clear();
  }

 private:
  std::string bytes_;
};

class Replace : public DecodeStage {
 public:
  Replace(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void push(std::string_view token, const Sink& out) override {
    out(pattern_.replace(token, content_));
  }

 private:
  Pattern pattern_;
  std::string content_;
};

// Bytes at the start of `text` that are at most `most` times `content`.
size_t leading(std::string_view text, char32_t content, size_t most, size_t* count) {
  size_t done = 0;
  for (*count = 0; *count < most && done < text.size(); ++*count) {
    size_t pos = done;
    if (utf8::next(text, pos) != content) break;
    done = pos;
  }
  return done;
}

class Strip : public DecodeStage {
 public:
  Strip(char32_t content, size_t start, size_t stop)
      : content_(content), start_(start), stop_(stop) {}

  void push(std::string_view token, const Sink& out) override {
    size_t count = 0;
    token.remove_prefix(leading(token, content_, start_, &count));
    for (size_t i = 0; i < stop_ && !token.empty(); ++i) {
      const size_t begin = utf8::previous(token, token.size());
      size_t pos = begin;
      if (utf8::next(token, pos) != content_) break;
      token = token.substr(0, begin);
    }
    out(token);
  }

 private:
  char32_t content_;
  size_t start_, stop_;
};

class StripStart : public DecodeStage {
 public:
  StripStart(char32_t content, size_t start) : content_(content), left_(start) {}

  void push(std::string_view token, const Sink& out) override {
    size_t count = 0;
    token.remove_prefix(leading(token, content_, left_, &count));
    left_ = token.empty() ? left_ - count : 0;
    out(token);
  }

 private:
  char32_t content_;
  size_t left_;
};

class Metaspace : public DecodeStage {
 public:
  Metaspace(std::string mark, bool drop_in_first)
      : mark_(Pattern::literal(std::move(mark))), drop_(drop_in_first) {}

  void push(std::string_view token, const Sink& out) override {
    out(mark_.replace(token, drop_ ? "" : " "));
    drop_ = false;
  }

 private:
  Pattern mark_;
  bool drop_;
};

}  // namespace

std::unique_ptr<DecodeStage> make_join_stage() { return std::make_unique<Join>(); }
std::unique_ptr<DecodeStage> make_whole_text_stage() { return std::make_unique<WholeText>(); }
std::unique_ptr<DecodeStage> make_byte_level_stage() { return std::make_unique<ByteLevel>(); }
std::unique_ptr<DecodeStage> make_byte_fallback_stage() { return std::make_unique<ByteFallback>(); }

std::unique_ptr<DecodeStage> make_replace_stage(Pattern pattern, std::string content) {
  return std::make_unique<Replace>(std::move(pattern), std::move(content));
}

std::unique_ptr<DecodeStage> make_strip_stage(char32_t content, size_t start, size_t stop) {
  return std::make_unique<Strip>(content, start, stop);
}

std::unique_ptr<DecodeStage> make_strip_start_stage(char32_t content, size_t start) {
  return std::make_unique<StripStart>(content, start);
}

std::unique_ptr<DecodeStage> make_metaspace_stage(std::string mark, bool drop_in_first) {
  return std::make_unique<Metaspace>(std::move(mark), drop_in_first);
}

}  // namespace kvhost::tok
