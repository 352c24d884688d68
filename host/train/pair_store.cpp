// SPDX-License-Identifier: Apache-2.0
#include "train/pair_store.hpp"

#include <ATen/ATen.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.hpp"
#include "base/json_file.hpp"

namespace kvhost::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kState = "state.json";
constexpr int64_t kHeldOut = 20;  // one text of so many

// [n, row_bytes] uint8: the half-precision inputs of a row, then its targets.
at::Tensor packed(const at::Tensor& inputs, const at::Tensor& targets) {
  return at::cat({inputs.to(at::kHalf).contiguous().view(at::kByte),
                  targets.to(at::kFloat).contiguous().view(at::kByte)},
                 /*dim=*/1)
      .contiguous();
}

}  // namespace

PairStore::PairStore(fs::path folder, const PairShape& shape, const std::string& key)
    : folder_(std::move(folder)), shape_(shape), key_(key) {
  std::error_code failed;
  fs::create_directories(folder_, failed);
  if (failed)
    run_failed(folder_.string(), failed.message() + "; expected a folder that can be written");
  if (fs::exists(folder_ / kState)) resume(key);
}

void PairStore::resume(const std::string& key) {
  const auto state = read_json(folder_ / kState, ExitCode::BadRequest);
  if (!state.is_object() || state.value("key", "") != key)
    bad_request(folder_.string(),
                "holds pairs of another model, teacher, text or seed; expected the same, or "
                "another folder (--work)");
  rows_ = state.at("rows").get<std::vector<int64_t>>();
  const auto whole = static_cast<uintmax_t>(n_rows() * shape_.row_bytes());
  for (int64_t l = 0; l < shape_.n_layers; ++l) {
    std::error_code failed;
    const auto size = fs::file_size(file(l), failed);
    if (failed || size < whole)
      bad_request(file(l).string(),
                  "is shorter than " + (folder_ / kState).string() +
                      " says; expected it as it was written, or another folder (--work)");
    if (size > whole) fs::resize_file(file(l), whole);  // a text that was not finished
  }
}

int64_t PairStore::n_rows() const {
  return std::accumulate(rows_.begin(), rows_.end(), int64_t{0});
}

fs::path PairStore::file(int64_t layer) const {
  return folder_ / ("layer." + std::to_string(layer) + ".pairs");
}

void PairStore::add(const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& targets) {
  for (int64_t l = 0; l < shape_.n_layers; ++l) {
    const at::Tensor rows = packed(inputs[static_cast<size_t>(l)], targets[static_cast<size_t>(l)]);
    std::ofstream out(file(l), std::ios::binary | std::ios::app);
    out.write(static_cast<const char*>(rows.const_data_ptr()), rows.numel());
    out.close();
    if (!out)
      run_failed(file(l).string(),
                 "cannot be written; expected room for " + std::to_string(rows.numel()) + " bytes");
  }
  rows_.push_back(inputs.front().size(0));
  write_state();
}

void PairStore::write_state() const {
  write_json(folder_ / kState, {{"key", key_}, {"rows", rows_}});
}

bool PairStore::is_held_out(int64_t text) const {
  return n_texts() < kHeldOut ? text == n_texts() - 1 : text % kHeldOut == kHeldOut - 1;
}

Pairs PairStore::read(int64_t layer, bool held_out) const {
  std::ifstream in(file(layer), std::ios::binary);
  if (!in) run_failed(file(layer).string(), "cannot be read; expected the pairs collected before");
  std::vector<at::Tensor> parts;
  int64_t first = 0;
  for (int64_t text = 0; text < n_texts(); ++text) {
    const int64_t n = rows_[static_cast<size_t>(text)];
    if (is_held_out(text) == held_out && n > 0) {
      parts.push_back(at::empty({n, shape_.row_bytes()}, at::kByte));
      in.seekg(first * shape_.row_bytes());
      in.read(static_cast<char*>(parts.back().mutable_data_ptr()), parts.back().numel());
      if (!in) run_failed(file(layer).string(), "ends early; expected it as it was written");
    }
    first += n;
  }
  if (parts.empty()) bad_request("--data", "gives too few pairs to learn from; expected more text");
  const at::Tensor rows = at::cat(parts);
  const int64_t width = 2 * shape_.n_inputs;
  return {rows.narrow(1, 0, width).contiguous().view(at::kHalf).to(at::kFloat),
          rows.narrow(1, width, rows.size(1) - width).contiguous().view(at::kFloat)};
}

void PairStore::clear() {
  for (int64_t l = 0; l < shape_.n_layers; ++l) fs::remove(file(l));
  fs::remove(folder_ / kState);
  std::error_code not_empty;
  fs::remove(folder_, not_empty);
}

}  // namespace kvhost::train
