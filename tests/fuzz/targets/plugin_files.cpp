// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "../../../allocators/head_scores.hpp"
#include "../../../allocators/npy_file.hpp"
#include "../../../allocators/rank_profile.hpp"
#include "../../../scorers/support/tensor_file.hpp"
#include "base/error.hpp"
#include "fuzz/fuzz.hpp"
#include "manifest.hpp"
#include "library.hpp"
#include "scan_cache.hpp"
#include "torch_record.hpp"

FUZZ_TARGET(npy, false) {
  (void)kvhost::allocators::read_npy(
      kvhost::fuzz::file("a.npy", input).string(), {2, 3}, "/params/curves");
}

FUZZ_TARGET(head_scores, true) {
  const kvhost::allocators::HeadScores scores(
      kvhost::fuzz::file("head_score.json", input).string());
  (void)scores.mean(0, 1);
}

FUZZ_TARGET(rank_profile, true) {
  (void)kvhost::allocators::read_rank_profile(
      kvhost::fuzz::file("profile.json", input).string(), /*n_layers=*/3);
}

FUZZ_TARGET(learned_tensors, true) {
  const uint64_t length = input.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
  bytes.append(input).append(64, '\0');
  kvhost::scorers::TensorFile file(kvhost::fuzz::file("learned.safetensors", bytes).string(),
                                   "a learned file");
  (void)file.rows("q_filters");
  (void)file.get("q_filters", {2, 2, 2});
}

// What is wrong with a manifest is told by the scanner, in a line of its own around this one.
FUZZ_TARGET(manifest, true) {
  const auto json = nlohmann::json::parse(input, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return;
  try {
    (void)kvhost::registry::manifest_from_json(json);
  } catch (const nlohmann::json::exception&) {
    throw;
  } catch (const std::runtime_error& e) {
    throw kvhost::Error(kvhost::ExitCode::CannotLoad, "manifest;", e.what());
  }
}

// Any bytes as a library; what is refused is refused by the scanner, likewise.
FUZZ_TARGET(torch_record, false) {
  try {
    if (const auto record = kvhost::registry::torch_record(kvhost::fuzz::file("libx.so", input)))
      kvhost::registry::check_torch(*record);
  } catch (const kvhost::registry::Refusal& e) {
    throw kvhost::Error(kvhost::ExitCode::CannotLoad, "torch_record;", e.what());
  }
}

FUZZ_TARGET(scan_cache, true) {
  using kvhost::registry::ScanCache;
  const auto library = kvhost::fuzz::file("libx.so", "bytes");
  ScanCache cache(kvhost::fuzz::file("scan.json", input), "environment", /*now=*/1000);
  const std::string sha256 = cache.sha256(library);
  if (const auto* known = cache.described(sha256)) {
    try {
      (void)kvhost::registry::manifest_from_json(*known);
    } catch (const nlohmann::json::exception&) {
      throw;
    } catch (const std::runtime_error&) {
    }
  }
  (void)cache.failed(sha256);
  cache.remember_failure(sha256, {library, "open", "a reason"});
  cache.remember(sha256, {{"a", 1}});
  (void)cache.save();
}
