// SPDX-License-Identifier: Apache-2.0
#include "model/expert_tensors.hpp"

#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "base/weight_type.hpp"
#include "format/shape_text.hpp"
#include "model/experts_config.hpp"

namespace kvhost {

namespace {

void check_shape(const StoredTensor& stored, const std::vector<int64_t>& expected) {
  if (stored.shape != expected)
    cannot_load(stored.file->path().string(),
                "tensor '" + stored.name + "' has shape " + shape_text(stored.shape) +
                    "; expected " + shape_text(expected) + " from config.json");
}

// Which of two rows in turns, or all of them.
struct Turn {
  int64_t first = 0, step = 1;
};

// MXFP4 as transformers stores it: 16 bytes a block, two neighbours each, and scales apart. As GGML
// has it: a scale, then 16 bytes of one weight from the first half and one from the second.
void repack_block(const uint8_t* nibbles, uint8_t scale, uint8_t* out) {
  uint8_t weights[32];
  for (int i = 0; i < 16; ++i) {
    weights[2 * i] = nibbles[i] & 15;
    weights[2 * i + 1] = nibbles[i] >> 4;
  }
  out[0] = scale;
  for (int i = 0; i < 16; ++i)
    out[1 + i] = static_cast<uint8_t>(weights[i] | (weights[16 + i] << 4));
}

class Splitter {
 public:
  Splitter(const ModelConfig& config, Checkpoint& checkpoint)
      : config_(config), family_(*find_expert_family(config.family)), checkpoint_(checkpoint) {}

  void split() {
    auto stored = std::exchange(checkpoint_.tensors, {});
    for (auto& [name, tensor] : stored)
      if (!take(stored, tensor)) checkpoint_.tensors.emplace(name, tensor);
  }

 private:
  using Tensors = std::map<std::string, StoredTensor>;

  // Adds the pieces of a tensor that holds all experts; false where it is none.
  bool take(const Tensors& all, const StoredTensor& tensor) {
    constexpr std::string_view kRouter = "mlp.gate.weight", kAll = "mlp.experts.";
    if (tensor.name.ends_with(kRouter)) {
      StoredTensor router = tensor;
      router.name.replace(router.name.size() - kRouter.size(), kRouter.size(),
                          std::string(family_.router) + ".weight");
      return add(std::move(router)), true;
    }
    const size_t at = tensor.name.rfind(kAll);
    if (at == std::string::npos) return false;
    layer_ = tensor.name.substr(0, at);
    const std::string kind = tensor.name.substr(at + kAll.size());
    const int64_t n = config_.experts.n_experts, width = config_.experts.width,
                  hidden = config_.hidden_size;
    if (kind == "gate_up_proj") return gate_up(tensor, n, width, hidden), true;
    if (kind == "down_proj") return down(tensor, n, width, hidden), true;
    if (kind == "gate_up_proj_bias") {
      check_shape(tensor, {n, 2 * width});
      copy(tensor, family_.gate, ".bias", 2 * width, 1, {0, 2});
      copy(tensor, family_.up, ".bias", 2 * width, 1, {1, 2});
      return true;
    }
    if (kind == "down_proj_bias") {
      check_shape(tensor, {n, hidden});
      view(tensor, family_.down, ".bias", hidden, 1, 0, hidden);
      return true;
    }
    if (kind == "gate_up_proj_blocks") {
      const StoredTensor& scales = scales_of(all, tensor, 2 * width, hidden);
      repack(tensor, scales, family_.gate, 2 * width, hidden, {0, 2});
      repack(tensor, scales, family_.up, 2 * width, hidden, {1, 2});
      return true;
    }
    if (kind == "down_proj_blocks") {
      repack(tensor, scales_of(all, tensor, hidden, width), family_.down, hidden, width, {0, 1});
      return true;
    }
    return (kind == "gate_up_proj_scales" || kind == "down_proj_scales") &&
           all.count(tensor.name.substr(0, tensor.name.size() - 6) + "blocks") > 0;
  }

  void gate_up(const StoredTensor& tensor, int64_t n, int64_t width, int64_t hidden) {
    if (family_.clamp > 0) {  // gpt-oss
      check_shape(tensor, {n, hidden, 2 * width});
      transpose(tensor, family_.gate, hidden, 2 * width, {0, 2});
      transpose(tensor, family_.up, hidden, 2 * width, {1, 2});
      return;
    }
    check_shape(tensor, {n, 2 * width, hidden});
    view(tensor, family_.gate, ".weight", 2 * width, hidden, 0, width);
    view(tensor, family_.up, ".weight", 2 * width, hidden, width, width);
  }

  void down(const StoredTensor& tensor, int64_t n, int64_t width, int64_t hidden) {
    if (family_.clamp > 0) {
      check_shape(tensor, {n, width, hidden});
      transpose(tensor, family_.down, width, hidden, {0, 1});
      return;
    }
    check_shape(tensor, {n, hidden, width});
    view(tensor, family_.down, ".weight", hidden, width, 0, hidden);
  }

  StoredTensor piece(const StoredTensor& tensor,
                     int64_t expert,
                     const char* kind,
                     const char* part,
                     std::vector<int64_t> shape) const {
    StoredTensor out = tensor;
    out.name = layer_ + family_.expert + kind + part;
    out.name.replace(out.name.find('#', layer_.size()), 1, std::to_string(expert));
    out.shape = std::move(shape);
    return out;
  }

  void add(StoredTensor tensor) {
    const std::string name = tensor.name;
    checkpoint_.tensors.emplace(name, std::move(tensor));
  }

  // The shape of a piece: a vector where n_in is 1.
  static std::vector<int64_t> shape_of(int64_t rows, int64_t n_in) {
    return n_in == 1 ? std::vector<int64_t>{rows} : std::vector<int64_t>{rows, n_in};
  }

  int64_t element_bytes(const StoredTensor& tensor) const {
    int64_t n = 1;
    for (const int64_t size : tensor.shape) n *= size;
    return tensor.bytes / n;
  }

  // Rows [first, first + n) of each expert's n_rows.
  void view(const StoredTensor& tensor,
            const char* kind,
            const char* part,
            int64_t n_rows,
            int64_t n_in,
            int64_t first,
            int64_t n) {
    const int64_t row = n_in * element_bytes(tensor);
    for (int64_t e = 0; e < config_.experts.n_experts; ++e) {
      StoredTensor out = piece(tensor, e, kind, part, shape_of(n, n_in));
      out.data = tensor.data + (e * n_rows + first) * row;
      out.bytes = n * row;
      add(std::move(out));
    }
  }

  // `fill(expert, data)` writes a piece of n_bytes, when it is wanted; it outlives this object.
  template <class Fill>
  void add_copies(const StoredTensor& tensor,
                  const char* kind,
                  const char* part,
                  const std::vector<int64_t>& shape,
                  int64_t n_bytes,
                  const Fill& fill) {
    for (int64_t e = 0; e < config_.experts.n_experts; ++e) {
      StoredTensor out = piece(tensor, e, kind, part, shape);
      out.data = nullptr;
      out.bytes = n_bytes;
      out.make = [e, n_bytes, fill] {
        std::shared_ptr<std::byte[]> data(new std::byte[static_cast<size_t>(n_bytes)]);
        fill(e, data.get());
        return data;
      };
      add(std::move(out));
    }
  }

  // Every step-th of each expert's n_rows.
  void copy(const StoredTensor& tensor,
            const char* kind,
            const char* part,
            int64_t n_rows,
            int64_t n_in,
            Turn turn) {
    const int64_t row = n_in * element_bytes(tensor), n = n_rows / turn.step;
    const auto fill = [tensor, n, row, n_rows, turn](int64_t e, std::byte* out) {
      for (int64_t i = 0; i < n; ++i)
        std::memcpy(out + i * row,
                    tensor.data + (e * n_rows + turn.first + i * turn.step) * row,
                    static_cast<size_t>(row));
    };
    add_copies(tensor, kind, part, shape_of(n, n_in), n * row, fill);
  }

  // Every step-th column of each expert's [n_in, n_columns] as a row.
  void transpose(
      const StoredTensor& tensor, const char* kind, int64_t n_in, int64_t n_columns, Turn turn) {
    const int64_t size = element_bytes(tensor), n = n_columns / turn.step;
    const auto fill = [tensor, n, n_in, n_columns, size, turn](int64_t e, std::byte* out) {
      const std::byte* from = tensor.data + e * n_in * n_columns * size;
      parallel_for(n, 16, [&](int64_t begin, int64_t end) {
        for (int64_t i = 0; i < n_in; ++i)
          for (int64_t c = begin; c < end; ++c)
            std::memcpy(out + (c * n_in + i) * size,
                        from + (i * n_columns + turn.first + c * turn.step) * size,
                        static_cast<size_t>(size));
      });
    };
    add_copies(tensor, kind, ".weight", {n, n_in}, n * n_in * size, fill);
  }

  const StoredTensor& scales_of(const Tensors& all,
                                const StoredTensor& blocks,
                                int64_t n_rows,
                                int64_t n_in) const {
    const int64_t n = config_.experts.n_experts, n_blocks = n_in / 32;
    check_shape(blocks, {n, n_rows, n_blocks, 16});
    const auto scales = all.find(blocks.name.substr(0, blocks.name.size() - 6) + "scales");
    if (scales == all.end() || n_in % 32 != 0)
      cannot_load(blocks.file->path().string(),
                  "tensor '" + blocks.name + "' is without its scales; expected a tensor of that "
                  "name with _scales");
    check_shape(scales->second, {n, n_rows, n_blocks});
    for (const StoredTensor* tensor : {&blocks, &scales->second})
      if (tensor->dtype != "U8")
        cannot_load(tensor->file->path().string(),
                    "tensor '" + tensor->name + "' is stored as " + tensor->dtype + "; expected U8");
    return scales->second;
  }

  void repack(const StoredTensor& blocks,
              const StoredTensor& scales,
              const char* kind,
              int64_t n_rows,
              int64_t n_in,
              Turn turn) {
    const int64_t n = n_rows / turn.step, n_blocks = n_in / 32;
    const int64_t row = row_bytes(WeightType::MXFP4, n_in);
    StoredTensor as_mxfp4 = blocks;
    as_mxfp4.dtype = weight_type_info(WeightType::MXFP4).name;
    const auto fill = [blocks, scales, n, n_rows, n_blocks, row, turn](int64_t e, std::byte* out) {
      parallel_for(n, 16, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t from = (e * n_rows + turn.first + i * turn.step) * n_blocks;
          for (int64_t b = 0; b < n_blocks; ++b)
            repack_block(reinterpret_cast<const uint8_t*>(blocks.data) + (from + b) * 16,
                         static_cast<uint8_t>(scales.data[from + b]),
                         reinterpret_cast<uint8_t*>(out) + i * row + b * 17);
        }
      });
    };
    add_copies(as_mxfp4, kind, ".weight", {n, n_in}, n * row, fill);
  }

  const ModelConfig& config_;
  const ExpertFamily& family_;
  Checkpoint& checkpoint_;
  std::string layer_;  // what stands before "mlp.experts." in the tensor at hand
};

}  // namespace

void split_experts(const ModelConfig& config, Checkpoint& checkpoint) {
  if (config.experts.n_experts > 0) Splitter(config, checkpoint).split();
}

}  // namespace kvhost
