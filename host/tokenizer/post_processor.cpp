// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/post_processor.hpp"

#include "base/json_file.hpp"
#include "base/text.hpp"
#include "tokenizer/stages.hpp"

namespace kvhost::tok {

namespace {

const std::vector<std::string> kPostProcessors = {
    "TemplateProcessing", "ByteLevel", "BertProcessing", "RobertaProcessing", "Sequence"};

int32_t load_id(const JsonNode& node) {
  const auto id = token_id(node.value());
  if (!id) node.fail("found " + quoted(json_text(node.value())) + "; expected an id, " + kTokenIds);
  return *id;
}

// By number, or by the text of tokens whose numbers were not known when the document was made.
std::vector<int32_t> special_ids(const JsonNode& node,
                                 const std::string& name,
                                 const PostProcessor::Lookup& id_of) {
  std::vector<int32_t> ids;
  const JsonNode entry = node.at("special_tokens").at(name);
  if (const auto list = entry.find("ids")) {
    for (const JsonNode& item : list->items()) ids.push_back(load_id(item));
    return ids;
  }
  for (const JsonNode& item : entry.at("tokens").items()) {
    const auto id = id_of(item.as_string());
    if (!id) item.fail("found '" + item.as_string() + "'; expected a token");
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace

PostProcessor::PostProcessor(const JsonNode& node, const Lookup& id_of) { add(node, id_of); }

void PostProcessor::add(const JsonNode& node, const Lookup& id_of) {
  check_stages(node, templates_.size());
  const std::string type = node.type();
  if (type == "TemplateProcessing") {
    add_template(node, id_of);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    add_pair(node);
  } else if (type == "Sequence") {
    for (const JsonNode& item : node.at("processors").items()) add(item, id_of);
  } else if (type != "ByteLevel") {  // ByteLevel only moves offsets, which are not kept here
    node.fail_type(kPostProcessors);
  }
}

void PostProcessor::add_template(const JsonNode& node, const Lookup& id_of) {
  Template t;
  bool seen = false;
  const JsonNode single = node.at("single");
  for (const JsonNode& item : single.items()) {
    if (const auto special = item.find("SpecialToken")) {
      const auto ids = special_ids(node, special->at("id").as_string(), id_of);
      auto& side = seen ? t.after : t.before;
      side.insert(side.end(), ids.begin(), ids.end());
    } else if (item.find("Sequence") && !seen) {
      seen = true;
    } else {
      item.fail("found " + quoted(json_text(item.value())) + "; expected SpecialToken, or Sequence once");
    }
  }
  if (!seen) single.fail("found no Sequence; expected the text's place");
  templates_.push_back(std::move(t));
}

// "cls": ["<s>", 0] goes before the text, "sep": ["</s>", 2] behind.
void PostProcessor::add_pair(const JsonNode& node) {
  const auto id = [&](const char* key) {
    const auto items = node.at(key).items();
    if (items.size() != 2) node.at(key).fail("found no pair; expected [\"token\", id]");
    return load_id(items[1]);
  };
  templates_.push_back({{id("cls")}, {id("sep")}});
}

std::vector<int32_t> PostProcessor::apply(std::vector<int32_t> ids) const {
  for (const Template& t : templates_) {
    ids.insert(ids.begin(), t.before.begin(), t.before.end());
    ids.insert(ids.end(), t.after.begin(), t.after.end());
  }
  return ids;
}

}  // namespace kvhost::tok
