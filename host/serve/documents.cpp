// SPDX-License-Identifier: Apache-2.0
#include "serve/documents.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "serve/press_fields.hpp"
#include "serve/refusal.hpp"
#include "serve/requests.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;

constexpr const char* kConversationFact = "conversation";
constexpr const char* kTitleFact = "title";
constexpr const char* kSuffix = ".kv.safetensors";

Json document_json(const StoredDocument& document) {
  return {{"id", document.id},
          {"object", "document"},
          {"created", document.created},
          {"title", document.title},
          {"model", document.model},
          {"chat", document.conversation.has_template()},
          {"n_uses", document.n_uses},
          {"kvhost", facts_json(document.facts)}};
}

class DocumentWire : public Wire {
 public:
  DocumentWire(std::string id, std::string title, std::string model, bool chat)
      : id_(std::move(id)), title_(std::move(title)), model_(std::move(model)), chat_(chat) {}
  std::string piece(const Event&, const Collected&) override { return ""; }
  std::string end(const Collected&) override { return ""; }
  std::string whole(const Collected& all) override {
    return json_text({{"id", id_},
                      {"object", "document"},
                      {"created", seconds_now()},
                      {"title", title_},
                      {"model", model_},
                      {"chat", chat_},
                      {"n_uses", 0},
                      {"kvhost", facts_json(all.prompts.at(0).facts)}});
  }

 private:
  std::string id_, title_, model_;
  bool chat_;
};

// Letters, digits, '.', '_' and '-', not beginning with '.': never a way out of the folder.
std::filesystem::path file_of(Fields& fields, const std::filesystem::path& folder) {
  if (folder.empty())
    refuse(403, "documents: this server keeps no files; expected one started with --documents DIR");
  const auto name = fields.text("file");
  if (!name) refuse_field("file", "not given; expected a name");
  constexpr const char* kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (name->empty() || name->size() > 100 || (*name)[0] == '.' ||
      name->find_first_not_of(kLetters) != std::string::npos)
    refuse_field("file",
                 "found " + quoted(*name) +
                     "; expected at most 100 letters, digits, '.', '_' and '-', not beginning with "
                     "'.'");
  return folder / (name->ends_with(kSuffix) ? *name : *name + kSuffix);
}

std::string fact(const Sequence& sequence, const std::string& key) {
  const auto found = sequence.facts().find(key);
  return found == sequence.facts().end() ? "" : found->second;
}

// Of a loaded one, which was read long ago.
ReadFacts loaded_facts(const Sequence& sequence) {
  ReadFacts facts;
  facts.n_tokens = static_cast<int64_t>(sequence.tokens().size());
  facts.press = sequence.press();
  facts.budget = sequence.budget();
  facts.bytes_full = sequence.memory().cache_bytes_full;
  facts.bytes_kept = sequence.bytes_kept();
  for (const auto& layer : sequence.layers())
    for (const int64_t n : layer.n_kept) {
      facts.n_kept += n;
      facts.n_entries += facts.n_tokens;
    }
  return facts;
}

}  // namespace

Call document_call(const Json& body, ServedModel& served) {
  Fields fields(body, "");
  fields.ignore({"model"});  // chosen by it already
  const auto text = fields.text("text");
  if (!text) refuse_field("text", "not given; expected the document");
  const auto title = fields.text("title").value_or("");
  const auto chat = fields.flag("chat");
  if (chat.value_or(false) && !served.chat_template())
    refuse_field("chat", "found true, and the model has no chat template; expected false or none");
  Conversation conversation(served.model(), chat, fields.text("system"));
  const KeyedPolicy policy = served.policy(read_press_fields(fields, served));
  const auto seed = fields.whole("method_seed", kNotNegative).value_or(0);
  fields.end();

  Call call;
  call.outlet = std::make_shared<Outlet>(1);
  Task task = new_task(served, policy.policy, call.outlet);
  task.tokens = conversation.document(*text, /*add_special=*/true);
  check_prompt(served, task, "text");
  task.method_seed = static_cast<uint64_t>(seed);
  task.keep_as = new_id("doc-");
  task.title = title;
  task.n_choices = 0;
  call.wire = std::make_unique<DocumentWire>(
      task.keep_as, title, served.name(), conversation.has_template());
  task.conversation = std::move(conversation);
  call.tasks.push_back(std::move(task));
  return call;
}

Json list_documents(Service& service) {
  Json list = Json::array();
  service.scheduler().on_engine([&](Shelf& shelf) {
    shelf.each([&](const StoredDocument& document) { list.push_back(document_json(document)); });
  });
  return {{"object", "list"}, {"data", list}};
}

Json show_document(const std::string& id, bool positions, Service& service) {
  Json out;
  std::string model;
  std::vector<int32_t> tokens;
  KeptPositions kept;
  service.scheduler().on_engine([&](Shelf& shelf) {
    const StoredDocument& document = shelf.document(id);
    out = document_json(document);
    if (!positions) return;
    model = document.model;
    tokens = document.sequence.tokens();
    kept = document.sequence.kept();
    out["renumbered"] = document.sequence.renumbered();
  });
  if (!positions) return out;
  out["kept_positions"] = kept;
  const ServedModel& served = service.model(model);
  for (const int32_t token : tokens) out["tokens"].push_back(served.token_text(token));
  return out;
}

Json delete_document(const std::string& id, Service& service) {
  bool removed = false;
  service.scheduler().on_engine([&](Shelf& shelf) { removed = shelf.remove(id); });
  if (!removed) refuse(404, "document: no document " + quoted(id) + " is here", "document");
  return {{"id", id}, {"object", "document"}, {"deleted", true}};
}

Json save_document(const std::string& id, const Json& body, Service& service) {
  Fields fields(body, "");
  const std::filesystem::path file = file_of(fields, service.options().documents);
  fields.end();
  // A copy is written, so that no answer waits for the disk.
  std::optional<Sequence> copy;
  std::map<std::string, std::string> facts;
  service.scheduler().on_engine([&](Shelf& shelf) {
    const StoredDocument& document = shelf.document(id);
    copy.emplace(document.sequence.fork());
    facts = {{kConversationFact, document.conversation.state()}, {kTitleFact, document.title}};
  });
  copy->save(file, facts);
  std::error_code none;
  return {{"id", id},
          {"object", "document.file"},
          {"file", file.filename().string()},
          {"bytes", static_cast<int64_t>(std::filesystem::file_size(file, none))}};
}

Json load_document(const Json& body, ServedModel& served) {
  Fields fields(body, "");
  fields.ignore({"model"});  // chosen by it already
  const std::filesystem::path file = file_of(fields, served.options().documents);
  fields.end();
  if (!std::filesystem::exists(file))
    refuse(404, "file: no file " + quoted(file.filename().string()) + " is here", "file");
  Sequence sequence =
      Sequence::load(file, served.model(), served.policy(full_cache()).policy, SequenceOptions{});
  const std::string state = fact(sequence, kConversationFact);
  Conversation conversation(
      served.model(), state.empty() ? std::optional(false) : std::nullopt, std::nullopt);
  if (!state.empty()) conversation.restore(state, file.filename().string());
  const std::string title = fact(sequence, kTitleFact);
  ReadFacts facts = loaded_facts(sequence);
  auto document = std::make_unique<StoredDocument>(
      new_id("doc-"), std::move(sequence), std::move(conversation));
  document->title = title;
  document->model = served.name();
  document->facts = std::move(facts);
  document->created = seconds_now();
  Json out = document_json(*document);
  served.scheduler().on_engine([&](Shelf& shelf) { shelf.add(std::move(document)); });
  return out;
}

}  // namespace kvhost
