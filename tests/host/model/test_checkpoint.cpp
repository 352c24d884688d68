// SPDX-License-Identifier: Apache-2.0
// Shards and the index that lists them.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "altered_checkpoint.hpp"
#include "base/error.hpp"
#include "model_files.hpp"

using namespace kvhost;
using namespace kvhost::test;
using Catch::Contains;

namespace {

const std::string kQuery = "model.layers.0.self_attn.q_proj.weight";

// llama_mha in two shards: what a test changes of them.
struct Shards {
  AlteredCheckpoint whole{"llama_mha"};
  std::map<std::string, std::set<std::string>> shards;
  std::map<std::string, std::string> index;
  const TempFolder dir;

  Shards() {
    for (const auto& [name, entry] : whole.tensors) {
      index[name] = name.find("layers.0") != std::string::npos ? "a.safetensors" : "b.safetensors";
      shards[index[name]].insert(name);
    }
  }
  std::shared_ptr<const Weights> load() {
    whole.write_shards(dir.path(), shards, index);
    return Weights::load(dir.path());
  }
};

void check_same(Shards& shards) {
  const auto weights = shards.load();
  CHECK(at::equal(logits_of(weights), AlteredCheckpoint("llama_mha").logits()));
  CHECK(weights->warnings().empty());
}

}  // namespace

TEST_CASE("an index that lists more or less than its shards hold does no harm") {
  Shards plain;
  check_same(plain);
  Shards elsewhere;
  elsewhere.index[kQuery] = "b.safetensors";
  check_same(elsewhere);
  Shards unlisted;
  unlisted.index.erase(kQuery);
  check_same(unlisted);
  Shards absent;
  absent.index["model.layers.0.self_attn.rotary_emb.inv_freq"] = "a.safetensors";
  check_same(absent);
  Shards twice;
  twice.shards["b.safetensors"].insert(kQuery);
  check_same(twice);
}

TEST_CASE("of two shards with one tensor the one that the index names counts") {
  for (const std::string listed : {"a.safetensors", "b.safetensors", ""}) {
    Shards twice;
    twice.whole.write_shards(twice.dir.path(), twice.shards, twice.index);
    AlteredCheckpoint changed = twice.whole;
    changed.set(kQuery, changed.get(kQuery) * 1.1);
    auto in_b = twice.shards["b.safetensors"];
    in_b.insert(kQuery);
    twice.index.erase(kQuery);
    if (!listed.empty()) twice.index[kQuery] = listed;
    changed.write_shards(twice.dir.path(), {{"b.safetensors", in_b}}, twice.index);
    const auto weights = Weights::load(twice.dir.path());
    const auto& expected = listed == "a.safetensors" ? twice.whole : changed;
    CHECK(at::equal(logits_of(weights), expected.logits()));
    REQUIRE(weights->warnings().size() == 1);
    CHECK_THAT(weights->warnings()[0], Contains("shards differ in " + kQuery));
  }
}

TEST_CASE("a shard or a tensor that is not there is named") {
  Shards no_shard;
  no_shard.index["model.norm.bias"] = "c.safetensors";
  CHECK_THROWS_WITH(no_shard.load(), Contains("c.safetensors: is missing"));
  Shards no_tensor;
  no_tensor.shards["a.safetensors"].erase(kQuery);
  CHECK_THROWS_WITH(no_tensor.load(),
                    Contains("tensor " + kQuery + " is missing (not in a.safetensors)"));
}
