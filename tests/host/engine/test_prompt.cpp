// SPDX-License-Identifier: Apache-2.0
// What methods are told of a prompt: the chat template's part of it, and what stands before an
// answer.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "engine/engine.hpp"
#include "engine/model_state.hpp"
#include "temp_folder.hpp"

using namespace kvhost;

namespace {

namespace fs = std::filesystem;

// The bundled tiny model, with a chat template or without.
struct Folder {
  test::TempFolder folder;
  fs::path path = folder.path();
  explicit Folder(const std::string& chat_template) {
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"})
      fs::copy_file(fs::path(KVHOST_SOURCE_DIR) / "models/tiny" / name, path / name);
    if (!chat_template.empty()) std::ofstream(path / "chat_template.jinja") << chat_template;
  }
  Model open() const {
    return Engine({{fs::path(KVHOST_TEST_PLUGINS)}}, {}).open({path, {}, true});
  }
};

}  // namespace

TEST_CASE("a prompt that begins as the chat template does has a part of the template's") {
  const Folder folder(
      "{% for m in messages %}User says {{ m.content }} the end.{% endfor %}"
      "{% if add_generation_prompt %} Answer:{% endif %}");
  const Model model = folder.open();
  const auto prefix = model.encode("User says ", /*add_special=*/false);
  const SeenPrompt empty = model.state().prompt({});
  CHECK(model.decode(empty.suffix) == " the end. Answer:");
  CHECK(empty.tokenize("watch") == model.encode("watch", false));
  std::vector<int32_t> tokens = prefix;
  const auto text = model.encode("a story", false);
  tokens.insert(tokens.end(), text.begin(), text.end());
  CHECK(model.state().prompt(tokens).n_template == std::ssize(prefix));
  CHECK(model.state().prompt(text).n_template == 0);
}

TEST_CASE("what a method learned for a model is no part of the model's hash") {
  const Folder folder("");
  const std::string hash = folder.open().weights_hash();
  std::ofstream(folder.path / "kvzap_linear.safetensors") << "learned";
  CHECK(folder.open().weights_hash() == hash);
  std::fstream weights(folder.path / "model.safetensors", std::ios::in | std::ios::out);
  weights.seekp(-1, std::ios::end).put('x');
  weights.close();
  CHECK(folder.open().weights_hash() != hash);
}

TEST_CASE("without a chat template a newline stands before an answer") {
  const Folder folder("");
  const Model model = folder.open();
  const auto tokens = model.encode("a story", false);
  const SeenPrompt prompt = model.state().prompt(tokens);
  CHECK(prompt.n_template == 0);
  CHECK(prompt.suffix == model.encode("\n", false));
}

TEST_CASE("a template that hides the user's words is refused where a method asks for it") {
  const Folder folder("{% for m in messages %}nothing{% endfor %}");
  const Model model = folder.open();
  CHECK_THROWS_WITH(model.state().prompt({}), Catch::Contains("does not show a user's message"));
}
