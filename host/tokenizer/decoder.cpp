// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/decoder.hpp"

#include "tokenizer/decode_stages.hpp"
#include "tokenizer/pattern_json.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/stages.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

const std::vector<std::string> kDecoders = {
    "ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace", "Sequence"};

size_t count_of(const JsonNode& node, const std::string& key) {
  const int64_t n = node.integer_or(key, 0);
  if (n < 0) node.fail("found " + std::to_string(n) + "; expected a count", "/" + key);
  return static_cast<size_t>(n);
}

}  // namespace

void DecodeChain::push_at(size_t stage, std::string_view token, std::string* text) {
  if (stage == stages_.size()) {
    text->append(token);
    return;
  }
  stages_[stage]->push(token, [&](std::string_view t) { push_at(stage + 1, t, text); });
}

void DecodeChain::finish(std::string* text) {
  for (size_t i = 0; i < stages_.size(); ++i)
    stages_[i]->finish([&](std::string_view t) { push_at(i + 1, t, text); });
}

Decoder::Decoder() { stages_.push_back(make_join_stage); }

Decoder::Decoder(const JsonNode& node) { add(node); }

DecodeChain Decoder::start() const {
  std::vector<std::unique_ptr<DecodeStage>> stages;
  for (const Factory& make : stages_) stages.push_back(make());
  return DecodeChain(std::move(stages));
}

// A stage that wants whole tokens.
void Decoder::add_stage(Factory factory) {
  if (fused_) stages_.push_back(make_whole_text_stage);
  stages_.push_back(std::move(factory));
}

void Decoder::add(const JsonNode& node) {
  check_stages(node, stages_.size());
  const std::string type = node.type();
  if (type == "ByteLevel") {
    add_stage(make_byte_level_stage);
    fused_ = true;
  } else if (type == "ByteFallback") {
    add_stage(make_byte_fallback_stage);
  } else if (type == "Fuse") {
    fused_ = true;
  } else if (type == "Replace") {
    add_stage(
        [pattern = load_pattern(node.at("pattern")), content = node.at("content").as_string()] {
          return make_replace_stage(pattern, content);
        });
  } else if (type == "Strip") {
    add_strip(node);
  } else if (type == "Metaspace") {
    const std::string mark = node.string_or("replacement", "\xE2\x96\x81");
    add_stage([mark, drop = load_prepend_scheme(node) != "never"] {
      return make_metaspace_stage(mark, drop);
    });
  } else if (type == "Sequence") {
    for (const JsonNode& item : node.at("decoders").items()) add(item);
  } else {
    node.fail_type(kDecoders);
  }
}

void Decoder::add_strip(const JsonNode& node) {
  const std::string content = node.at("content").as_string();
  size_t pos = 0;
  const char32_t c = content.empty() ? 0 : utf8::next(content, pos);
  if (content.empty() || pos != content.size())
    node.fail("found '" + content + "'; expected one character", "/content");
  const size_t start = count_of(node, "start"), stop = count_of(node, "stop");
  if (fused_ && stop == 0) {
    stages_.push_back([c, start] { return make_strip_start_stage(c, start); });
  } else {
    add_stage([c, start, stop] { return make_strip_stage(c, start, stop); });
  }
}

}  // namespace kvhost::tok
