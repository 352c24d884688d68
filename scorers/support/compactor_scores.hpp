// SPDX-License-Identifier: Apache-2.0
// The two halves of Compactor (arXiv:2507.08143): leverage of keys before rotation, and attention
// that looks both ways inside chunks. Each takes a range of what every head holds: all of the prompt,
// or what a sliding window or an earlier cut left of it.
#pragma once

#include "linear_algebra.hpp"
#include "sketch.hpp"

namespace kvhost::scorers {

// Entries [begin, end) of every KV head of a layer; results lie side by side, head by head.
class EntryRanges {
 public:
  // Those of the tokens at positions [from, to).
  EntryRanges(const sdk::Layer& layer, int64_t from, int64_t to) {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const sdk::Head head = layer.head(h);
      begin_.push_back(head.count_before(from));
      end_.push_back(std::max(head.count_before(to), begin_.back()));
      offset_.push_back(h == 0 ? 0 : offset(h - 1) + size(h - 1));
    }
  }

  int64_t begin(int32_t h) const { return begin_[static_cast<size_t>(h)]; }
  int64_t end(int32_t h) const { return end_[static_cast<size_t>(h)]; }
  int64_t size(int32_t h) const { return end(h) - begin(h); }
  int64_t offset(int32_t h) const { return offset_[static_cast<size_t>(h)]; }  // in the results
  size_t total() const { return static_cast<size_t>(offset_.back() + end_.back() - begin_.back()); }

 private:
  std::vector<int64_t> begin_, end_, offset_;
};

// [n, d] keys of one head's entries [begin, end), rotation undone.
inline at::Tensor keys_before_rotation(const sdk::Head& head,
                                       int64_t begin,
                                       int64_t end,
                                       const sdk::RopeTable& rope) {
  const sdk::Matrix keys = head.keys();
  at::Tensor rows = at::empty({end - begin, keys.cols()}, at::kFloat);
  std::vector<float> scratch;
  for (int64_t i = begin; i < end; ++i) {
    rope.unrotate(keys.row(i, scratch),
                  keys.cols(),
                  head.position(i),
                  rows.data_ptr<float>() + (i - begin) * keys.cols());
  }
  return rows;
}

// [n] x^T (X^T X + c I)^-1 x; c is raised where X^T X is too close to singular. X: [n, k]
inline at::Tensor leverage(const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor gram = wide.t().matmul(wide);
  const at::Tensor identity = at::eye(x.size(1), at::kDouble);
  for (double c = 1e-2; c < 1e3; c *= 10) {
    const at::Tensor scores = inverse_quadratic_forms(wide, gram + c * identity);
    if (scores.defined()) return scores.to(at::kFloat);
  }
  throw sdk::Error(KVH_E_INTERNAL, "", "keys whose Gram matrix has no Cholesky factor");
}

// -> z-scores of all heads' entries. phi: [n_kv_heads, d, k] standard normal.
inline std::vector<float> leverage_scores(const sdk::Layer& layer,
                                          const EntryRanges& entries,
                                          const std::vector<float>& phi,
                                          int64_t k) {
  const int64_t d = layer.head_dim();
  int64_t first = layer.n_seen(), last = 0;  // positions
  for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
    if (entries.size(h) == 0) continue;
    first = std::min<int64_t>(first, layer.head(h).position(entries.begin(h)));
    last = std::max<int64_t>(last, layer.head(h).position(entries.end(h) - 1));
  }
  const sdk::RopeTable rope(layer, first, std::max<int64_t>(last + 1 - first, 0));
  std::vector<float> out(entries.total());
  sdk::for_each_head(layer, [&](int32_t h) {
    layer.check_cancelled();
    if (entries.size(h) == 0) return;
    const at::Tensor projection =
        at::from_blob(const_cast<float*>(phi.data()) + h * d * k, {d, k}, at::kFloat) /
        std::sqrt(static_cast<double>(k));
    at::Tensor keys =  // [n, d]
        keys_before_rotation(layer.head(h), entries.begin(h), entries.end(h), rope);
    keys -= keys.mean(/*dim=*/0);
    const at::Tensor scores = leverage(keys.matmul(projection)).contiguous();
    std::copy_n(scores.data_ptr<float>(), entries.size(h), out.begin() + entries.offset(h));
  });
  z_score(out);
  return out;
}

struct NonCausalSettings {
  int64_t chunk_size;
  bool kvpress_rule;  // no 1/sqrt(d), and the last chunk padded with zeros that take part
};

// [c] attention that the tokens of one chunk receive from one query head. q, k: [c, d]
inline at::Tensor received_in_chunk(const at::Tensor& q,
                                    const at::Tensor& k,
                                    const NonCausalSettings& settings) {
  const int64_t c = q.size(0), padding = settings.chunk_size - c;
  at::Tensor logits = q.matmul(k.t());  // [c, c]
  if (!settings.kvpress_rule) {
    logits *= 1 / std::sqrt(static_cast<double>(q.size(1)));
  } else if (padding > 0) {
    logits = at::constant_pad_nd(logits, {0, padding, 0, padding});
  }
  return logits.softmax(/*dim=*/1).sum(/*dim=*/0).narrow(/*dim=*/0, 0, c);
}

// Entries [begin, end) of head h that see each other.
struct SeenTogether {
  int32_t h;
  int64_t begin, end;
};

inline std::vector<SeenTogether> chunks_of(const EntryRanges& entries,
                                           int32_t n_kv_heads,
                                           int64_t chunk_size) {
  std::vector<SeenTogether> chunks;
  for (int32_t h = 0; h < n_kv_heads; ++h)
    for (int64_t at = entries.begin(h); at < entries.end(h); at += chunk_size)
      chunks.push_back({h, at, std::min(at + chunk_size, entries.end(h))});
  return chunks;
}

// Rows of `queries` [T, d], those of the last T tokens seen, at the positions of a chunk's entries.
inline at::Tensor queries_of(const at::Tensor& queries,
                             const sdk::Layer& layer,
                             const SeenTogether& chunk) {
  const sdk::Head head = layer.head(chunk.h);
  const int64_t n = chunk.end - chunk.begin, first = layer.n_seen() - queries.size(0);
  const int64_t at = head.position(chunk.begin) - first;
  if (head.position(chunk.end - 1) - head.position(chunk.begin) == n - 1)
    return queries.narrow(/*dim=*/0, at, n).to(at::kFloat);
  std::vector<int64_t> rows;
  for (int64_t i = chunk.begin; i < chunk.end; ++i) rows.push_back(head.position(i) - first);
  return queries.index_select(/*dim=*/0, at::tensor(rows, at::kLong)).to(at::kFloat);
}

// -> z-scores of all heads' entries: pooled attention times value norm.
inline std::vector<float> non_causal_scores(const sdk::Layer& layer,
                                            const EntryRanges& entries,
                                            const NonCausalSettings& settings) {
  const at::Tensor queries = sdk::as_tensor(layer.get(KVH_T_QUERY_WINDOW));  // [n_heads, T, d]
  const int32_t group = layer.group_size();
  const auto chunks = chunks_of(entries, layer.n_kv_heads(), settings.chunk_size);
  std::vector<float> raw(entries.total()), out(raw);
  sdk::parallel_for(layer, static_cast<int64_t>(chunks.size()), [&](int64_t from, int64_t to) {
    for (int64_t task = from; task < to; ++task) {
      layer.check_cancelled();
      const SeenTogether& chunk = chunks[static_cast<size_t>(task)];
      const int64_t h = chunk.h, rows = chunk.end - chunk.begin;
      const sdk::Head head = layer.head(chunk.h);
      const auto slice = [&](const at::Tensor& all) {
        return all.narrow(/*dim=*/0, chunk.begin, rows).to(at::kFloat);
      };
      const at::Tensor keys = slice(sdk::as_tensor(head.keys().raw()));  // [rows, d]
      at::Tensor sum = at::zeros({rows}, at::kFloat);
      for (int32_t g = 0; g < group; ++g)
        sum += received_in_chunk(queries_of(queries[h * group + g], layer, chunk), keys, settings);
      sum *= slice(sdk::as_tensor(head.values().raw())).norm(/*p=*/2, /*dim=*/1) / group;
      std::copy_n(sum.contiguous().data_ptr<float>(),
                  rows,
                  raw.begin() + entries.offset(chunk.h) + chunk.begin - entries.begin(chunk.h));
    }
  });
  for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
    const int64_t at = entries.offset(h);
    if (entries.size(h) > 0)
      sdk::average_pool(raw.data() + at, entries.size(h), /*kernel=*/3, out.data() + at);
  }
  z_score(out);
  return out;
}

}  // namespace kvhost::scorers
