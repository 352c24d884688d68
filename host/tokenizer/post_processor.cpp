// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/post_processor.hpp"

namespace kvhost::tok {

namespace {

const std::vector<std::string> kSupported = {"TemplateProcessing", "ByteLevel", "Sequence"};

std::vector<int32_t> special_ids(const JsonNode& node,
                                 const std::string& name,
                                 int32_t vocab_size) {
  std::vector<int32_t> ids;
  const JsonNode list = node.at("special_tokens").at(name).at("ids");
  for (const JsonNode& item : list.items()) {
    const auto& value = item.value();
    if (!value.is_number_integer() || value.get<int64_t>() < 0 ||
        value.get<int64_t>() >= vocab_size)
      item.fail("found " + value.dump() + "; expected an id below " + std::to_string(vocab_size));
    ids.push_back(value.get<int32_t>());
  }
  return ids;
}

}  // namespace

PostProcessor::PostProcessor(const JsonNode& node, int32_t vocab_size) { add(node, vocab_size); }

void PostProcessor::add(const JsonNode& node, int32_t vocab_size) {
  const std::string type = node.type();
  if (type == "TemplateProcessing") {
    add_template(node, vocab_size);
  } else if (type == "Sequence") {
    for (const JsonNode& item : node.at("processors").items()) add(item, vocab_size);
  } else if (type != "ByteLevel") {  // ByteLevel only moves offsets, which are not kept here
    node.fail_type(kSupported);
  }
}

void PostProcessor::add_template(const JsonNode& node, int32_t vocab_size) {
  Template t;
  bool seen = false;
  const JsonNode single = node.at("single");
  for (const JsonNode& item : single.items()) {
    if (const auto special = item.find("SpecialToken")) {
      const auto ids = special_ids(node, special->at("id").as_string(), vocab_size);
      auto& side = seen ? t.after : t.before;
      side.insert(side.end(), ids.begin(), ids.end());
    } else if (item.find("Sequence") && !seen) {
      seen = true;
    } else {
      item.fail("found " + item.value().dump() + "; expected SpecialToken, or Sequence once");
    }
  }
  if (!seen) single.fail("found no Sequence; expected the text's place");
  templates_.push_back(std::move(t));
}

std::vector<int32_t> PostProcessor::apply(std::vector<int32_t> ids) const {
  for (const Template& t : templates_) {
    ids.insert(ids.begin(), t.before.begin(), t.before.end());
    ids.insert(ids.end(), t.after.begin(), t.after.end());
  }
  return ids;
}

}  // namespace kvhost::tok
