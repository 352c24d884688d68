// SPDX-License-Identifier: Apache-2.0
#include <ATen/Context.h>
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "base/parallel.hpp"
#include "base/process_memory.hpp"
#include "base/text.hpp"
#include "cli/doctor.hpp"
#include "kernels/attention.hpp"

#if __has_include(<torch/headeronly/version.h>)
#include <torch/headeronly/version.h>
#else
#include <torch/version.h>
#endif

namespace kvhost {

using State = Finding::State;
using nlohmann::json;

namespace {

// The value of "key : value" or "key: value" in a /proc file, first match; "" when absent.
std::string proc_value(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const size_t colon = line.find(':');
    const size_t start = line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

Finding libtorch_finding() {
  Dl_info where = {};
  dladdr(reinterpret_cast<const void*>(&at::globalContext), &where);
  const std::string path = where.dli_fname == nullptr ? "?" : where.dli_fname;
  const bool cuda = at::globalContext().hasCUDA();
  return {"libtorch",
          State::Good,
          std::string(TORCH_VERSION) + ", " + path + (cuda ? ", with CUDA" : ", CPU only"),
          "",
          json{{"version", TORCH_VERSION}, {"path", path}, {"cuda", cuda}}.dump()};
}

Finding cpu_finding() {
  static const std::set<std::string> kCounted = {
      "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_bf16"};
  std::vector<std::string> features;
  std::istringstream flags(proc_value("/proc/cpuinfo", "flags"));
  for (std::string flag; flags >> flag;)
    if (kCounted.count(flag) > 0) features.push_back(flag);
  const char* forced = std::getenv("KVHOST_CPU");
  Finding finding{"cpu",
                  State::Good,
                  processor_name() + " (" + join(features, " ") +
                      "), kernels: " + cpu_level(),
                  "",
                  json{{"features", features}, {"level", cpu_level()}}.dump()};
  if (forced != nullptr && *forced != '\0') {
    finding.state = State::Hint;
    finding.cure =
        std::string("KVHOST_CPU=") + forced + " chooses the kernels; unset it for the fastest";
  }
  return finding;
}

Finding threads_finding() {
  const auto cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const char* omp = std::getenv("OMP_NUM_THREADS");
  Finding finding{"threads",
                  State::Good,
                  std::to_string(num_threads()) + " of " + std::to_string(cores) + " cores",
                  "",
                  json{{"cores", cores},
                       {"threads", num_threads()},
                       {"OMP_NUM_THREADS", omp ? json(omp) : json()}}
                      .dump()};
  if (omp != nullptr && num_threads() < cores) {
    finding.state = State::Hint;
    finding.cure =
        std::string("OMP_NUM_THREADS=") + omp + " holds threads back; unset it or pass --threads";
  }
  return finding;
}

Finding memory_finding() {
  int64_t total = 0;  // in kilobytes
  std::istringstream(proc_value("/proc/meminfo", "MemTotal")) >> total;
  total *= 1024;
  const int64_t available = available_memory();
  return {"memory",
          State::Good,
          format_bytes(available) + " free of " + format_bytes(total),
          "",
          json{{"available_bytes", available}, {"total_bytes", total}}.dump()};
}

}  // namespace

std::string processor_name() { return proc_value("/proc/cpuinfo", "model name"); }

std::vector<Finding> diagnose_machine() {
  return {libtorch_finding(), cpu_finding(), threads_finding(), memory_finding()};
}

}  // namespace kvhost
