// SPDX-License-Identifier: Apache-2.0
#include "engine/cache_file.hpp"
#include "fetch/hub_files.hpp"
#include "format/gguf.hpp"
#include "format/safetensors.hpp"
#include "fuzz/fuzz.hpp"
#include "model/config.hpp"
#include "tokenizer/tokenizer.hpp"

namespace kvhost {

// A header without its length, as a person writes it; the length is put in front.
FUZZ_TARGET(safetensors, true) {
  const uint64_t length = input.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
  bytes.append(input).append(16, '\0');
  (void)read_safetensors_file(fuzz::file("a.safetensors", bytes));
}

FUZZ_TARGET(safetensors_bytes, false) {
  (void)read_safetensors_file(fuzz::file("b.safetensors", input));
}

FUZZ_TARGET(safetensors_index, true) {
  for (const auto& name : index_shards(fuzz::file("model.safetensors.index.json", input)))
    check_relative("index", name);
}

FUZZ_TARGET(gguf, false) { (void)read_gguf(fuzz::file("a.gguf", input)); }

FUZZ_TARGET(gguf_model, false) {
  const auto path = fuzz::file("b.gguf", input);
  (void)read_config(path);
  const Tokenizer tokenizer = Tokenizer::load(path);
  (void)tokenizer.decode(tokenizer.encode("Hello, \xC3\xA9 world\n\t 12"));
}

FUZZ_TARGET(config_json, true) {
  fuzz::clear_folder();
  fuzz::file("config.json", input);
  (void)read_config(fuzz::folder());
}

FUZZ_TARGET(saved_cache, false) {
  const auto path = fuzz::file("a.cache", input);
  (void)read_cache_metadata(path);
  (void)load_cache(path);
}

}  // namespace kvhost
