// SPDX-License-Identifier: Apache-2.0
// Saved caches: round trips to the bit, files changed by accident and on purpose, disks that are
// full.
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <random>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "base/sha256.hpp"
#include "cache_files.hpp"
#include "engine/cache_file.hpp"
#include "model_files.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

using Metadata = std::map<std::string, std::string>;

const std::vector<float> kLogits = {0.5f, -1.0f, 3.0f, 1e-30f, 7.0f};
const std::vector<int32_t> kTokens = {1, 0, 4, 2, 2, 3, 1};
const Metadata kFacts = {{"model", "some/model"}, {"press", "x(\"a b\")\n+y"}, {"budget", "7"}};

// Thousands of small files: handing out work costs more than doing it.
struct OneThread {
  OneThread() { set_num_threads(1); }
  ~OneThread() { set_num_threads(before); }
  int before = num_threads();
};

std::filesystem::path saved_at(const TempFolder& dir, const KvCache& cache) {
  const auto path = dir.path() / "a.kv.safetensors";
  save_cache(path, cache, kLogits, kTokens, kFacts);
  return path;
}

std::string file_of(const std::string& name) {
  const TempFolder dir;
  for (const NamedCache& each : every_cache(DType::BFloat16))
    if (each.name == name) return read_bytes(saved_at(dir, each.cache));
  return "";
}

// A channel-pruned one: it has every kind of tensor but biases.
std::string pruned_file() { return file_of("pruned"); }

bool same(const SavedCache& a, const SavedCache& b) {
  return kvhost::test::same(a.cache, b.cache) && a.logits == b.logits && a.tokens == b.tokens &&
         a.metadata == b.metadata;
}

// The message with which `bytes` are refused; "" when they are accepted.
std::string refusal(const std::string& bytes, const SavedCache* original = nullptr) {
  static const TempFolder dir;
  const auto path = dir.path() / "changed";
  write_text(path, bytes);
  try {
    const SavedCache loaded = load_cache(path);
    if (original != nullptr) REQUIRE(same(loaded, *original));
    return "";
  } catch (const Error& error) {
    const std::string message = error.what();
    REQUIRE(error.code() == ExitCode::CannotLoad);
    REQUIRE(message.rfind(path.string() + ": ", 0) == 0);
    REQUIRE(message.find("make it again with kvhost compress") != std::string::npos);
    REQUIRE(std::count(message.begin(), message.end(), '\n') == 0);
    return message;
  }
}

}  // namespace

TEST_CASE("what is loaded is what was saved, to the bit") {
  const TempFolder dir;
  for (const DType dtype : {DType::Float32, DType::BFloat16, DType::Float16})
    for (const NamedCache& each : every_cache(dtype)) {
      INFO(each.name << ", " << dtype_name(dtype));
      const auto path = saved_at(dir, each.cache);
      const SavedCache loaded = load_cache(path);
      CHECK(kvhost::test::same(loaded.cache, each.cache));
      CHECK(loaded.logits == kLogits);
      CHECK(loaded.tokens == kTokens);
      CHECK(loaded.metadata.at("press") == kFacts.at("press"));
      CHECK(loaded.metadata.at("dtype") == dtype_name(dtype));
      CHECK(loaded.metadata.at("n_seen") == std::to_string(each.cache.n_seen()));
      CHECK(loaded.metadata.at("tokens_sha256") == sha256_hex(kTokens.data(), 4 * kTokens.size()));
      CHECK(read_cache_metadata(path) == loaded.metadata);

      // Saved again, with the metadata it came with: the same file.
      const std::string before = read_bytes(path);
      save_cache(path, loaded.cache, loaded.logits, loaded.tokens, loaded.metadata);
      CHECK(read_bytes(path) == before);
    }
}

TEST_CASE("every tensor is aligned to its elements, as readers that map the file want it") {
  TakenApart file(pruned_file());
  CHECK(file.header.size() == 1 + 2 + 4 + 7);
  for (const auto& [name, entry] : file.header.items()) {
    if (name == "__metadata__") continue;
    const std::string dtype = entry["dtype"];
    const size_t size = dtype == "I64" ? 8 : dtype == "BF16" ? 2 : 4;
    INFO(name);
    CHECK(entry["data_offsets"][0].get<size_t>() % size == 0);
  }
  CHECK((pruned_file().size() - file.data.size()) % 8 == 0);
}

TEST_CASE("a file that another program wrote is read, its digest made by the description alone") {
  const SavedCache loaded =
      load_cache(std::string(KVHOST_TEST_DATA) + "/golden/saved_cache/by_python.kv.safetensors");
  CHECK(loaded.cache.n_seen() == 40);
  CHECK(loaded.metadata.at("press") == "made by saved_cache_read.py");
  CHECK(loaded.tokens.size() == 40);
  const HeadSpan head = loaded.cache.head(1, 1);
  CHECK(head.n == 5);
  CHECK(head.pruned.n == 3);
  CHECK(head.pruned.channels[3] == -1);
  CHECK(head.positions[4] == 39);
  CHECK(static_cast<const float*>(head.values)[4 * 8] == 1000 + 100 + 4);  // layer, head, entry
  CHECK(static_cast<const float*>(head.keys)[1 * 8 + 7] == -(1000 + 100 + 4));
  CHECK(static_cast<const float*>(head.pruned.rows)[2 * 4] == -(1000 + 100 + 2));
  CHECK(loaded.cache.n_kept(0, 0) == 0);
}

TEST_CASE("tensors of a compression while generating go along, and no others of their kind") {
  const TempFolder dir;
  const std::string made = std::string(KVHOST_TEST_DATA) + "/fuzz/corpus/saved_cache/decoding.bin";
  const SavedCache loaded = load_cache(made);
  REQUIRE(loaded.decode.size() == 4);
  const auto path = dir.path() / "again";
  save_cache(path, loaded.cache, loaded.logits, loaded.tokens, loaded.metadata, loaded.decode);
  const SavedCache again = load_cache(path);
  REQUIRE(again.decode.size() == 4);
  for (const NamedTensor& one : loaded.decode)
    CHECK(std::any_of(again.decode.begin(), again.decode.end(), [&](const NamedTensor& other) {
      return one.name == other.name && one.dtype == other.dtype && one.shape == other.shape &&
             one.bytes == other.bytes;
    }));
  for (const char* name : {"decode.layer.x.queries", "decode.layer..hidden", "decode.more",
                           "decode.layer.1.queries2", "decode.layer.1234567.hidden"}) {
    std::vector<NamedTensor> other = loaded.decode;
    other[0].name = name;
    save_cache(path, loaded.cache, loaded.logits, loaded.tokens, loaded.metadata, other);
    CHECK_THROWS_WITH(load_cache(path), Catch::Contains(std::string("has a tensor '") + name +
                                                        "', which no such cache has"));
  }
}

TEST_CASE("a cache in the midst of a forward is not saved") {
  const TempFolder dir;
  KvCache cache({2, 1, 4, DType::Float32});
  cache.append(0, 3, 0);
  CHECK_THROWS_WITH(saved_at(dir, cache),
                    Catch::Contains("midst of a forward: layer 0, head 0 has position 0") &&
                        Catch::Contains("below 0, n_seen"));
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("metadata that is no UTF-8 is refused, and nothing is left") {
  const TempFolder dir;
  const KvCache cache({1, 1, 4, DType::Float32});
  CHECK_THROWS_WITH(save_cache(dir.path() / "x", cache, {}, {}, {{"model", "\xff\xfe"}}),
                    Catch::Contains("not UTF-8"));
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("a saved cache that is not there, or no file, is told apart from a damaged one") {
  const TempFolder dir;
  const auto code = [](const std::filesystem::path& path, const char* text) {
    try {
      load_cache(path);
    } catch (const Error& error) {
      CHECK_THAT(error.what(), Catch::Contains(text));
      return error.code();
    }
    return ExitCode::Ok;
  };
  CHECK(code(dir.path() / "none", "no such file; expected a saved cache") == ExitCode::BadRequest);
  CHECK(code(dir.path(), "not a regular file") == ExitCode::CannotLoad);
  REQUIRE(mkfifo((dir.path() / "pipe").c_str(), 0600) == 0);
  CHECK(code(dir.path() / "pipe", "not a regular file") == ExitCode::CannotLoad);
  CHECK_THAT(refusal(""), Catch::Contains("0 bytes"));
  CHECK_THAT(refusal("{\"tokens\": [1, 2, 3]}"), Catch::Contains("kvhost compress"));
  CHECK_THAT(refusal(safetensors_bytes("{}", 0)), Catch::Contains("expected a saved cache"));
}

TEST_CASE("no bit of a file can change unseen") {
  const OneThread small;
  const std::string good = pruned_file();
  const TempFolder dir;
  write_text(dir.path() / "good", good);
  const SavedCache original = load_cache(dir.path() / "good");
  std::mt19937 rng(3);
  int refused = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << rng() % 8));
    INFO("byte " << i);
    refused += !refusal(bad, &original).empty();
  }
  CHECK(refused == static_cast<int>(good.size()));
  CHECK(good.size() > 3000);
}

TEST_CASE("a file that ends early, or late, is refused") {
  const std::string good = pruned_file();
  for (size_t n = 0; n < good.size(); n += n < 64 ? 1 : 37) {
    INFO(n << " bytes");
    REQUIRE(!refusal(good.substr(0, n)).empty());
  }
  CHECK_THAT(refusal(good + "x"), Catch::Contains("belong to no tensor"));
}

TEST_CASE("every field of the header, replaced by what it should not be, is refused") {
  const OneThread small;
  const std::string good = pruned_file();
  const nlohmann::json nasty = {nullptr,
                                true,
                                -1,
                                0,
                                1,
                                7,
                                2147483648,
                                9007199254740993,
                                9223372036854775807,
                                18446744073709551615u,
                                1e300,
                                0.5,
                                "",
                                "-1",
                                "0",
                                "99999999999999999999",
                                "F64",
                                "BOOL",
                                "kvhost-saved-cache-2",
                                nlohmann::json::array(),
                                nlohmann::json::object(),
                                {0, 8},
                                {1, 2, 3}};
  const TakenApart file(good);
  const nlohmann::json flat = file.header.flatten();
  int tried = 0;
  for (const auto& [pointer, value] : flat.items())
    for (const auto& replacement : nasty) {
      if (replacement == value) continue;
      TakenApart bad = file;
      bad.header[nlohmann::json::json_pointer(pointer)] = replacement;
      INFO(pointer << " = " << replacement);
      REQUIRE(!refusal(bad.bytes()).empty());
      // With hashes made anew it may pass where it means something; it must not do harm.
      const bool text = pointer.find("__metadata__") == 1 && replacement.is_string();
      if (text) {
        bad.sign();
        refusal(bad.bytes());
      }
      ++tried;
    }
  CHECK(tried > 1000);
}

TEST_CASE("fields of the header, swapped, are refused") {
  const TakenApart file(pruned_file());
  std::vector<std::string> names;
  for (const auto& [name, entry] : file.header.items()) names.push_back(name);
  for (size_t i = 0; i < names.size(); ++i)
    for (size_t j = i + 1; j < names.size(); ++j) {
      TakenApart bad = file;
      std::swap(bad.header[names[i]], bad.header[names[j]]);
      INFO(names[i] << " and " << names[j]);
      REQUIRE(!refusal(bad.bytes()).empty());
    }
}

TEST_CASE("a name listed twice is refused") {
  const TakenApart file(pruned_file());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = file.header.dump();
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    return refusal(safetensors_bytes(text, 0) + file.data);
  };
  CHECK_THAT(with("\"n_seen\":", "\"n_seen\":\"0\",\"n_seen\":"),
             Catch::Contains("names the key 'n_seen' twice"));
  CHECK_THAT(with("\"tokens\":", "\"tokens\":{},\"tokens\":"),
             Catch::Contains("names the key 'tokens' twice"));
}

TEST_CASE("numbers that cannot be are refused by name even where the digest fits") {
  const TakenApart file(pruned_file());
  const auto refused = [&](const std::function<void(TakenApart&)>& change, const char* text) {
    TakenApart bad = file;
    change(bad);
    bad.sign();
    CHECK_THAT(refusal(bad.bytes()), Catch::Contains(text));
  };
  const auto says = [&](const char* key, const char* value, const char* text) {
    refused([&](TakenApart& bad) { bad.header["__metadata__"][key] = value; }, text);
  };
  says("schema", "kvhost-saved-cache-2", "made by another version");
  says("n_layers", "1", "which no such cache has");
  says("n_layers", "3", "has no tensor 'layer.2.lengths'");
  says("n_layers", "1000000000000", "n_layers '1000000000000'; expected 1 to ");
  says("n_kv_heads", "2", "layer 0: 3 heads; expected 2");
  says("n_kv_heads", "4294967296", "expected 1 to 65536");
  says("head_dim", "5", "expected [");
  says("head_dim", "-6", "head_dim '-6'");
  says("dtype", "float16", "is BF16");
  says("dtype", "int8", "expected float32, bfloat16 or float16");
  says("n_seen", "18", "position 18 after 17; expected ascending positions below 18");
  says("n_seen", "1e3", "n_seen '1e3'");
  says("n_renumbered", "20", "n_renumbered '20'; expected 0 to 19");
  says("tokens_sha256", "00", "has tokens_sha256 '00'");
  refused([](TakenApart& bad) { bad.header["__metadata__"].erase("n_seen"); }, "has no 'n_seen'");
  refused([](TakenApart& bad) { bad.tensor<int64_t>("layer.0.lengths")[1] = -1; }, "-1 entries");
  refused([](TakenApart& bad) { bad.tensor<int64_t>("layer.0.lengths")[1] = 1 << 30; },
          "the layer's lengths together");
  refused(
      [](TakenApart& bad) {
        auto* lengths = bad.tensor<int64_t>("layer.0.lengths");
        lengths[0] -= 1;
        lengths[1] += 1;
      },
      "expected ascending positions");
  refused([](TakenApart& bad) { bad.tensor<int64_t>("layer.1.pruned_lengths")[2] = 1000; },
          "1000 entries with pruned keys");
  refused([](TakenApart& bad) { bad.tensor<int64_t>("layer.1.pruned_lengths")[2] -= 1; },
          "'layer.1.keys' is BF16");
  refused([](TakenApart& bad) { bad.tensor<int32_t>("layer.1.channels")[1] = 6; }, "channel 6");
  refused([](TakenApart& bad) { bad.tensor<int32_t>("layer.1.channels")[1] = 0; },
          "channel 0 after 0");
  refused([](TakenApart& bad) { bad.tensor<int32_t>("layer.1.channels")[3] = 2; }, "channel 2");
  refused([](TakenApart& bad) { bad.tensor<int32_t>("layer.1.positions")[0] = -2; }, "position -2");
  refused(
      [](TakenApart& bad) {
        bad.tensor<int32_t>("tokens")[6] = -7;
        bad.header["__metadata__"]["tokens_sha256"] =
            sha256_hex(bad.tensor<int32_t>("tokens"), 4 * kTokens.size());
      },
      "the token -7");
  refused([](TakenApart& bad) { bad.header.erase("logits"); }, "belong to no tensor");
}

TEST_CASE("biases that cannot be are refused by name even where the digest fits") {
  const TakenApart file(file_of("biased"));
  CHECK(file.header.size() == 1 + 2 + 4 + 4 + 2);
  const auto refused = [&](const std::function<void(TakenApart&)>& change, const char* text) {
    TakenApart bad = file;
    change(bad);
    bad.sign();
    CHECK_THAT(refusal(bad.bytes()), Catch::Contains(text));
  };
  refused([](TakenApart& bad) { bad.tensor<int64_t>("layer.1.biased_lengths")[2] = 1000; },
          "1000 entries with a bias; expected 0 to ");
  refused([](TakenApart& bad) { bad.tensor<int64_t>("layer.1.biased_lengths")[2] -= 1; },
          "tensor 'layer.1.biases' is F32");
  refused([](TakenApart& bad) { bad.tensor<float>("layer.1.biases")[0] = std::nanf(""); },
          "layer 1, head 0 has the bias nan; expected finite numbers");
}

TEST_CASE("random bytes changed under hashes made anew do no harm") {
  const OneThread small;
  const std::string good = pruned_file();
  std::mt19937 rng(11);
  int accepted = 0;
  for (int round = 0; round < 1500; ++round) {
    TakenApart bad(good);
    for (uint32_t n = 1 + rng() % 3; n > 0; --n)
      bad.data[rng() % bad.data.size()] = static_cast<char>(rng());
    bad.header["__metadata__"]["tokens_sha256"] =
        sha256_hex(bad.tensor<int32_t>("tokens"), 4 * kTokens.size());
    bad.sign();
    accepted += refusal(bad.bytes()).empty();
  }
  CHECK(accepted > 500);  // rows may hold anything
  CHECK(accepted < 1500);
}

TEST_CASE("a disk that is full leaves the old file and nothing beside it") {
  const TempFolder dir;
  KvCache cache({1, 2, 64, DType::Float32});
  cache.append(0, 1000, 0);  // 1 MB
  cache.advance(1000);
  const auto path = dir.path() / "a.kv.safetensors";
  write_text(path, "old");
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto signal = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{300'000, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string message;
  try {
    save_cache(path, cache, kLogits, kTokens, kFacts);
  } catch (const Error& error) {
    message = error.what();
  }
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, signal);
  CHECK_THAT(message, Catch::Contains("cannot be written: File too large"));
  CHECK(read_bytes(path) == "old");
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
  CHECK_THROWS_WITH(save_cache("/dev/full", cache, kLogits, kTokens, kFacts),
                    Catch::Contains("No space left"));
}
