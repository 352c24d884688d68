// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <thread>

#include "base/error.hpp"
#include "engine/batch.hpp"
#include "engine/read_together.hpp"
#include "engine_fixture.hpp"
#include "temp_folder.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

constexpr double kKeep = 0.3;

// Methods that need a file of the model's, or a budget of their own beside none given.
std::optional<Policy> policy_for(const Model& model, const std::string& press) {
  for (const double keep : {kKeep, 0.0}) {
    try {
      return engine().policy(model, keeping(press, keep));
    } catch (const Error&) {
    }
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("a fork goes on as its origin would, to the bit, and neither disturbs the other") {
  const Model model = tiny_model("llama_gqa");
  const auto prompt = some_tokens(model, 120, 1), question = some_tokens(model, 7, 2);
  for (const std::string press : {"none",
                                  "adakv:snapkv(window_size=8)",
                                  "rankkv:knorm",
                                  "snapkv(window_size=8)+think(window_size=8)",
                                  "attention_matching:matching_keys",
                                  "key_rerotation:streaming_llm"}) {
    for (const std::string decode : {"", "knorm"}) {
      INFO(press << ", decode press " << decode);
      const auto options = keeping(press, kKeep, decode);
      Sequence origin = read(model, options, prompt), alone = read(model, options, prompt);
      Sequence first = origin.fork(), second = origin.fork();
      first.append(question);
      alone.append(question);
      CHECK(logits_of(first) == logits_of(alone));
      CHECK(go_on(first, 20) == go_on(alone, 20));
      second.append(question);
      CHECK(go_on(second, 20).size() == 20);
      CHECK(logits_of(second) == logits_of(first));
      CHECK(origin.tokens() == prompt);
    }
  }
}

TEST_CASE("a fork while generating takes the states of its methods along, or names the method") {
  const Model model = tiny_model("llama_gqa");
  const auto prompt = some_tokens(model, 60, 7), rest = some_tokens(model, 20, 8);
  for (const std::string decode :
       {"h2o_attention(start_size=1,recent_size=2,window_size=4)", "cam(history=8):knorm"}) {
    auto options = keeping("none", 0, decode);
    options.decode_every = 4;
    options.decode_budget = 20;
    INFO(decode);
    Sequence origin = read(model, options, prompt), alone = read(model, options, prompt);
    origin.append(rest);
    alone.append(rest);
    REQUIRE(alone.decode_report().cuts.size() == 5);
    Sequence fork = origin.fork();
    const auto answer = go_on(fork, 30);
    CHECK(go_on(alone, 30) == answer);
    CHECK(logits_of(fork) == logits_of(alone));
    CHECK(go_on(origin, 30) == answer);
  }
}

TEST_CASE("what is read in one piece or in several ends alike, whatever is cut on the way") {
  const Model model = tiny_model("qwen3");
  const auto prompt = some_tokens(model, 90, 3), rest = some_tokens(model, 70, 4);
  for (const std::string decode : {"", "knorm", "adakv:snapkv(window_size=4)"}) {
    auto options = keeping("knorm", kKeep, decode);
    options.decode_every = 9;
    INFO("decode press " << decode);
    std::vector<double> whole = read(model, options, prompt).force(rest);
    for (const int64_t block : {1, 5, 9, 16}) {
      Sequence sequence = read(model, options, prompt);
      double worst = 0;
      sequence.force(
          rest,
          [&](size_t i, std::span<const float> row) {
            worst = std::max(worst, std::abs(log_softmax(row)[rest[i]] - whole[i]));
          },
          block);
      INFO("block " << block);
      CHECK(worst < 1e-4);
      if (!decode.empty()) CHECK(sequence.decode_report().cuts.size() == 7);
    }
  }
}

TEST_CASE("the decode report tells every cut: when, and what was left") {
  const Model model = tiny_model("llama_gqa");
  auto options = keeping("knorm", kKeep, "knorm");
  options.decode_every = 10;
  options.decode_budget = 20;
  Sequence sequence = read(model, options, some_tokens(model, 60, 5));
  go_on(sequence, 26);
  const DecodeReport report = sequence.decode_report();
  REQUIRE(report.cuts.size() == 2);
  const auto& facts = model.facts();
  CHECK(report.every == 10);
  CHECK(report.entries_per_head == 20);
  for (const auto& cut : report.cuts) {
    CHECK(cut.entries == 20 * facts.n_layers * facts.n_kv_heads);
    CHECK(cut.bytes == cut.entries * 2 * facts.head_dim * 4);
  }
  CHECK(report.cuts[0].n_seen == 70);
  CHECK(report.cuts[1].n_seen == 80);
}

TEST_CASE("a sequence saved and loaded goes on to the bit, for every method that leaves a cache") {
  const TempFolder folder;
  const auto file = folder / "sequence.safetensors";
  int n_saved = 0;
  for (const std::string name : {"llama_gqa", "neox_parallel"}) {
    const Model model = tiny_model(name);
    const auto prompt = some_tokens(model, 120, 6);
    for (const auto& press : every_composition()) {
      const auto policy = policy_for(model, press);
      if (!policy) continue;  // asks for a file that belongs to a model
      INFO(name << ", " << press);
      Sequence kept(model, *policy);
      kept.prefill(prompt);
      go_on(kept, 3);
      kept.save(file);
      Sequence back = Sequence::load(file, model, *policy);
      CHECK(back.tokens() == kept.tokens());
      CHECK(back.kept() == kept.kept());
      CHECK(logits_of(back) == logits_of(kept));
      CHECK(go_on(back, 12) == go_on(kept, 12));
      CHECK(logits_of(back) == logits_of(kept));
      ++n_saved;
    }
  }
  CHECK(n_saved > 60);
}

TEST_CASE("a cache of another model or dtype is refused in one line") {
  const TempFolder folder;
  const auto file = folder / "foreign.safetensors";
  const Model model = tiny_model("llama_gqa"), other = tiny_model("qwen3"),
              narrow = tiny_model("llama_gqa", DType::BFloat16);
  const auto none = keeping("none", 0);
  read(model, none, some_tokens(model, 20, 1)).save(file);
  CHECK_THROWS_WITH(Sequence::load(file, other, engine().policy(other, none)),
                    Catch::Contains("was saved with another model"));
  CHECK_THROWS_WITH(Sequence::load(file, narrow, engine().policy(narrow, none)),
                    Catch::Contains("holds float32 entries"));
}

TEST_CASE("two models with four sequences each on eight threads equal one thread to the bit") {
  struct Work {
    Model model;
    Policy policy;
    std::vector<int32_t> prompt;
    std::vector<int32_t> tokens;  // generated
    std::vector<float> logits;
  };
  std::vector<Work> works;
  const std::vector<std::string> presses = {
      "none", "adakv:snapkv(window_size=8)", "rankkv:knorm", "pyramidkv:snapkv(window_size=8)"};
  for (const std::string name : {"llama_gqa", "neox_parallel"}) {
    const Model model = tiny_model(name);
    for (size_t i = 0; i < presses.size(); ++i)
      works.push_back({model,
                       engine().policy(model, keeping(presses[i], kKeep, "knorm")),
                       some_tokens(model, 100 + 10 * static_cast<int64_t>(i), 7),
                       {},
                       {}});
  }
  const auto run = [](Work& work) {
    Sequence sequence(work.model, work.policy);
    sequence.prefill(work.prompt);
    work.tokens = go_on(sequence, 70);
    work.logits = logits_of(sequence);
  };
  std::vector<Work> together = works;
  for (auto& work : works) run(work);
  std::vector<std::thread> threads;
  for (auto& work : together) threads.emplace_back([&run, &work] { run(work); });
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < works.size(); ++i) {
    INFO("sequence " << i);
    CHECK(together[i].tokens == works[i].tokens);
    CHECK(together[i].logits == works[i].logits);
  }
}

TEST_CASE("sequences that read together get what each gets alone") {
  const std::vector<std::string> presses = {"none",
                                            "knorm",
                                            "adakv:snapkv(window_size=8)",
                                            "rankkv:adakv:snapkv(window_size=8)",
                                            "attention_matching:matching_keys"};
  for (const std::string name : {"llama_gqa", "neox_parallel", "qwen3"}) {
    const Model model = tiny_model(name);
    std::vector<Sequence> together, alone;
    std::vector<std::vector<int32_t>> prompts;
    Batch prefill(model);
    for (uint32_t i = 0; i < 8; ++i) {
      const auto policy =
          engine().policy(model, keeping(presses[i % 5], kKeep, i % 2 ? "knorm" : ""));
      prompts.push_back(some_tokens(model, 40 + 37 * i, i));
      together.emplace_back(model, policy);
      alone.emplace_back(model, policy);
    }
    for (size_t i = 0; i < 8; ++i) prefill.add(together[i], prompts[i]);
    prefill.run();
    for (size_t i = 0; i < 8; ++i) alone[i].prefill(prompts[i]);
    const auto worst = [&] {
      double difference = 0, largest = 0;
      for (size_t i = 0; i < 8; ++i) {
        const auto a = logits_of(together[i]), b = logits_of(alone[i]);
        for (size_t t = 0; t < a.size(); ++t) {
          difference = std::max(difference, std::abs(double{a[t]} - b[t]));
          largest = std::max(largest, std::abs(double{b[t]}));
        }
      }
      return difference / largest;
    };
    INFO(name);
    CHECK(worst() < 1e-5);
    for (size_t i = 0; i < 8; ++i) CHECK(together[i].kept() == alone[i].kept());
    for (int step = 0; step < 70; ++step) {  // past the first cut while generating
      Batch decode(model);
      for (size_t i = 0; i < 8; ++i) {
        const std::vector<int32_t> token = some_tokens(model, 1, 100 * step + i);
        decode.add(together[i], token);
        alone[i].append(token);
      }
      decode.run();
    }
    CHECK(worst() < 1e-5);
    for (size_t i = 0; i < 8; ++i) CHECK(together[i].kept() == alone[i].kept());
  }
}

TEST_CASE("one reading serves every composition of the build as its own would, to the bit") {
  const Model model = tiny_model("llama_gqa");
  const std::vector<int32_t> prompt = some_tokens(model, 300, 5);
  std::vector<Sequence> together, alone;
  std::vector<std::string> texts = every_composition(), names;
  texts.push_back("none");
  for (const auto& text : texts) {
    const std::optional<Policy> policy = policy_for(model, text);
    if (!policy) continue;
    SequenceOptions options;
    options.method_seed = 7;
    together.emplace_back(model, *policy, options);
    alone.emplace_back(model, *policy, options);
    names.push_back(text);
  }
  REQUIRE(names.size() > 30);
  std::vector<Sequence*> all;
  for (auto& sequence : together) all.push_back(&sequence);
  prefill_together(all, prompt);
  for (size_t i = 0; i < alone.size(); ++i) {
    INFO(names[i]);
    alone[i].prefill(prompt);
    CHECK(together[i].kept() == alone[i].kept());
    CHECK(logits_of(together[i]) == logits_of(alone[i]));
    const std::vector<int32_t> next = some_tokens(model, 8, 6);
    together[i].append(next);
    alone[i].append(next);
    CHECK(logits_of(together[i]) == logits_of(alone[i]));
    CHECK(together[i].memory().cache_bytes_kept == alone[i].memory().cache_bytes_kept);
  }
}

TEST_CASE("what cannot be read together is refused, and a cancelled reading can be read again") {
  const Model model = tiny_model("llama_gqa"), other = tiny_model("qwen3");
  const Policy policy = engine().policy(model, keeping("knorm", 0.5));
  const std::vector<int32_t> prompt = some_tokens(model, 40, 1);
  Sequence a(model, policy), b(model, policy);
  Sequence foreign(other, engine().policy(other, keeping("knorm", 0.5)));
  const auto refusal = [&](std::vector<Sequence*> sequences) -> std::string {
    try {
      prefill_together(sequences, prompt);
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  };
  CHECK(refusal({}).find("no sequences given") != std::string::npos);
  CHECK(refusal({&a, &a}).find("sequence 1 is given twice") != std::string::npos);
  CHECK(refusal({&a, &foreign}).find("of another model") != std::string::npos);
  std::vector<Sequence*> both = {&a, &b};
  CHECK_THROWS_AS(prefill_together(both, prompt, [](double) { throw std::runtime_error("stop"); }),
                  std::runtime_error);
  prefill_together(both, prompt);
  CHECK(logits_of(a) == logits_of(b));
  CHECK(refusal({&a}).find("has read 40 tokens already") != std::string::npos);
}

TEST_CASE("a cancelled prefill leaves a sequence that can read again") {
  const Model model = tiny_model("llama_gqa");
  const auto prompt = some_tokens(model, 60, 9);
  const auto options = keeping("adakv:knorm", kKeep);
  Sequence sequence(model, engine().policy(model, options));
  CHECK_THROWS_AS(sequence.prefill(prompt,
                                   [](double share) {
                                     if (share > 0.4) throw std::runtime_error("enough");
                                   }),
                  std::runtime_error);
  sequence.prefill(prompt);
  Sequence alone = read(model, options, prompt);
  CHECK(logits_of(sequence) == logits_of(alone));
  CHECK_THROWS_WITH(sequence.prefill(prompt), Catch::Contains("expected a new one, or append()"));
}

TEST_CASE("a policy belongs to its model, and a budget to one rule") {
  const Model model = tiny_model("llama_gqa"), other = tiny_model("llama_gqa");
  CHECK_THROWS_WITH(Sequence(other, engine().policy(model, keeping("knorm", kKeep))),
                    Catch::Contains("was made for another model"));
  auto two = keeping("knorm", kKeep);
  two.budget = 5;
  CHECK_THROWS_WITH(engine().policy(model, two), Catch::Contains("expected at most one"));
  CHECK(engine().policy(model, keeping("none", 0.3)).warnings().front() ==
        "the budget has no effect: --press none keeps everything");
}
