// SPDX-License-Identifier: Apache-2.0
// The run file of --config: the same choices as the flags, in one JSON object. Its relative paths
// are, like those of flags, relative to the working folder.
#pragma once

#include <filesystem>

#include "input/options.hpp"

namespace kvhost {

// Reads either a run file,
//   {"model", "dtype", "weights", "device", "threads", "plugin_path", "press", "decode_press",
//    "decode_every", "decode_budget",
//    "budget": {"keep_ratio" | "compression_ratio" | "budget"},
//    "prompt": {"text" | "file" | "tokens_file" | "demo", "max_tokens", "lossy", "no_bos"},
//    "generate": {"max_new_tokens", "temperature", "top_p", "top_k", "seed", "stop"},
//    "output": {"json", "dump_keep", "dump_scores", "dump_budgets", "compare_full", "quiet",
//    "color"}},
// or a press object alone, {"press": name, "params": {...}, "inner": {...}}, into `options`.
// Strict: throws Error(BadRequest) with the JSON pointer, what was found and what was expected.
void read_config_file(const std::filesystem::path& path, RunOptions& options);

DType dtype_from_name(const std::string& name);  // of kDTypeNames
std::optional<WeightType> weights_from_name(const std::string& name);  // of kWeightNames

inline const std::vector<std::string> kDTypeNames = {"float32", "bfloat16", "float16"};
inline const std::vector<std::string> kWeightNames = {"as-stored", "bf16", "q8_0", "q4_0"};
inline const std::vector<std::string> kDeviceNames = {"cpu", "cuda"};
inline const std::vector<std::string> kColorNames = {"auto", "always", "never"};

}  // namespace kvhost
