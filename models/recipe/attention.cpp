// SPDX-License-Identifier: Apache-2.0
// Causal attention for training, forwards and backwards, for AVX-512 bf16 processors and head_dim
// 32.
//
// PyTorch's processor kernel spends two thirds of a step on rows of 4096 tokens here; this one
// holds scores in registers and uses the bf16 dot product for all seven products, and turns queries
// and keys (RoPE) as it reads them. Tensors are
// [batch, length, heads, 32], bf16, contiguous; length is a multiple of 64. Built and called by attention.py.
#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

namespace {

constexpr int kDim = 32, kPairs = 16, kBlock = 64, kTiles = 4;
const float kScale = 1.0f / std::sqrt(32.0f);
const float kScale2 = kScale * 1.4426950408889634f;  // scores are kept in powers of two

using Words = std::vector<uint32_t>;
using Floats = std::vector<float>;

__m512bh as_bf16(__m512i x) { return (__m512bh)x; }
__m512bh load_pairs(const uint32_t* p) { return as_bf16(_mm512_loadu_si512(p)); }
__m512bh spread(uint32_t pair) { return as_bf16(_mm512_set1_epi32(static_cast<int>(pair))); }

// 2^x, about 1e-7 relative.
__m512 exp2_ps(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(x, 0);
  const __m512 f = _mm512_sub_ps(x, n);
  __m512 y = _mm512_set1_ps(1.3333558e-3f);
  for (float c : {9.618129e-3f, 5.5504109e-2f, 0.24022651f, 0.69314718f, 1.0f})
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(c));
  return _mm512_scalef_ps(y, n);
}

// Rounded to bf16: the low halves from a, the high ones from b.
__m512i interleave(__m512 a, __m512 b) {
  const __m512i half = _mm512_set1_epi32(0x8000);
  const __m512i x = _mm512_srli_epi32(_mm512_add_epi32(_mm512_castps_si512(a), half), 16);
  const __m512i y = _mm512_add_epi32(_mm512_castps_si512(b), half);
  return _mm512_or_si512(x, _mm512_and_si512(y, _mm512_set1_epi32(int(0xffff0000u))));
}

uint16_t to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float from_bf16(uint16_t x) {
  const uint32_t bits = uint32_t(x) << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

// Llama's rotation at one position, halves as pairs; `sign` -1 turns back. angles: cosines[16],
// sines[16].
void rotate(float* x, const float* angles, float sign) {
  for (int d = 0; d < kDim / 2; ++d) {
    const float a = x[d], b = x[d + kDim / 2], c = angles[d], s = sign * angles[d + kDim / 2];
    x[d] = a * c - b * s;
    x[d + kDim / 2] = b * c + a * s;
  }
}

// One head of a [batch, length, heads, 32] tensor, in the three layouts that the products read;
// rotated if angles
// [length, 32] are given.
struct Head {
  Words rows;   // [length, 16]                pairs of neighbouring dimensions
  Words tiles;  // [length / 16, 16 pairs, 16] the same, 16 rows side by side
  Words pairs;  // [length / 2, 32]            pairs of neighbouring rows
  Head(const uint16_t* x, int length, int heads, const float* angles = nullptr)
      : rows(length * kPairs), tiles(rows.size()), pairs(rows.size()) {
    for (int t = 0; t < length; ++t) {
      const uint16_t* row = x + size_t(t) * heads * kDim;
      uint16_t turned[kDim];
      if (angles) {
        float wide[kDim];
        for (int d = 0; d < kDim; ++d) wide[d] = from_bf16(row[d]);
        rotate(wide, angles + size_t(t) * kDim, 1.0f);
        for (int d = 0; d < kDim; ++d) turned[d] = to_bf16(wide[d]);
        row = turned;
      }
      std::memcpy(&rows[size_t(t) * kPairs], row, kDim * 2);
      for (int p = 0; p < kPairs; ++p)
        tiles[size_t(t / 16) * 256 + p * 16 + t % 16] = rows[size_t(t) * kPairs + p];
      auto* to = reinterpret_cast<uint16_t*>(&pairs[size_t(t / 2) * kDim]);
      for (int d = 0; d < kDim; ++d) to[2 * d + t % 2] = row[d];
    }
  }
};

// acc[i] = 8 rows of a, from row a0, times 16 rows of b.
inline void products(const Words& a, int a0, const Words& b, int tile, __m512 acc[8]) {
  for (int i = 0; i < 8; ++i) acc[i] = _mm512_setzero_ps();
  const uint32_t* left = &a[size_t(a0) * kPairs];
  const uint32_t* right = &b[size_t(tile) * 256];
#pragma GCC unroll 16
  for (int p = 0; p < kPairs; ++p) {
    const __m512bh y = load_pairs(right + p * 16);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) acc[i] = _mm512_dpbf16_ps(acc[i], spread(left[i * kPairs + p]), y);
  }
}

// sum[i, 32] += sum_j weights[i * stride + j] * rows[j], pairs at a time, for 8 rows i.
inline void accumulate(
    const uint32_t* weights, int along, int across, const uint32_t* rows, int n_pairs, float* sum) {
  __m512 acc[8][2];
  for (int i = 0; i < 8; ++i)
    for (int h = 0; h < 2; ++h) acc[i][h] = _mm512_loadu_ps(sum + i * kDim + h * 16);
  for (int j = 0; j < n_pairs; ++j) {
    const __m512bh low = load_pairs(rows + j * kDim), high = load_pairs(rows + j * kDim + 16);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const __m512bh w = spread(weights[i * across + j * along]);
      acc[i][0] = _mm512_dpbf16_ps(acc[i][0], w, low);
      acc[i][1] = _mm512_dpbf16_ps(acc[i][1], w, high);
    }
  }
  for (int i = 0; i < 8; ++i)
    for (int h = 0; h < 2; ++h) _mm512_storeu_ps(sum + i * kDim + h * 16, acc[i][h]);
}

__mmask16 visible(int key, int query) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_cmple_epi32_mask(_mm512_add_epi32(lanes, _mm512_set1_epi32(key)),
                                 _mm512_set1_epi32(query));
}

void store_bf16(uint16_t* to, const float* from, float factor) {
  const __m512 f = _mm512_set1_ps(factor);
  const __m512bh x = _mm512_cvtne2ps_pbh(_mm512_mul_ps(_mm512_loadu_ps(from + 16), f),
                                         _mm512_mul_ps(_mm512_loadu_ps(from), f));
  _mm512_storeu_si512(to, (__m512i)x);
}

// 8 queries from q0 on against all keys before them.
void forward_tile(
    const Head& q, const Head& k, const Head& v, int q0, int heads, uint16_t* out, float* lse) {
  alignas(64) float scores[8][kBlock];
  alignas(64) uint32_t weights[8][kBlock / 2];
  alignas(64) float sum[8 * kDim] = {};
  float top[8], total[8];
  std::fill(top, top + 8, -1e30f);
  std::fill(total, total + 8, 0.0f);
  for (int kb = 0; kb < q0 + 8; kb += kBlock) {
    const int tiles = std::min(kTiles, (q0 + 7 - kb) / 16 + 1);
    for (int t = 0; t < tiles; ++t) {
      __m512 acc[8];
      products(q.rows, q0, k.tiles, kb / 16 + t, acc);
      for (int i = 0; i < 8; ++i) {
        const __m512 s = _mm512_mul_ps(acc[i], _mm512_set1_ps(kScale2));
        const __mmask16 m = visible(kb + 16 * t, q0 + i);
        _mm512_store_ps(&scores[i][16 * t], _mm512_mask_blend_ps(m, _mm512_set1_ps(-1e30f), s));
      }
    }
    for (int i = 0; i < 8; ++i) {
      __m512 best = _mm512_load_ps(scores[i]);
      for (int t = 1; t < tiles; ++t)
        best = _mm512_max_ps(best, _mm512_load_ps(&scores[i][16 * t]));
      const float now = std::max(top[i], _mm512_reduce_max_ps(best));
      if (now > top[i]) {
        const float shrink = std::exp2(top[i] - now);
        total[i] *= shrink;
        for (int d = 0; d < kDim; ++d) sum[i * kDim + d] *= shrink;
        top[i] = now;
      }
      __m512 add = _mm512_setzero_ps();
      for (int t = 0; t < tiles; ++t) {
        const __m512 p =
            exp2_ps(_mm512_sub_ps(_mm512_load_ps(&scores[i][16 * t]), _mm512_set1_ps(now)));
        add = _mm512_add_ps(add, p);
        _mm256_store_si256(reinterpret_cast<__m256i*>(&weights[i][8 * t]),
                           (__m256i)_mm512_cvtneps_pbh(p));
      }
      total[i] += _mm512_reduce_add_ps(add);
    }
    accumulate(weights[0], 1, kBlock / 2, &v.pairs[size_t(kb / 2) * kDim], tiles * 8, sum);
  }
  for (int i = 0; i < 8; ++i) {
    store_bf16(out + size_t(q0 + i) * heads * kDim, sum + i * kDim, 1.0f / total[i]);
    lse[q0 + i] = top[i] + std::log2(total[i]);
  }
}

// What 16 queries from q0 on add to the gradients of 64 keys from kb on, and those keys to theirs.
void backward_tile(const Head& q,
                   const Head& k,
                   const Head& v,
                   const Head& g,
                   int q0,
                   int kb,
                   const float* lse,
                   const float* delta,
                   float* dq,
                   float* dk,
                   float* dv) {
  alignas(64) uint32_t by_key[16][kBlock / 2];                  // dS, pairs of keys
  alignas(64) uint32_t p_pairs[8][kBlock], s_pairs[8][kBlock];  // P and dS, pairs of queries
  const int tiles = std::min(kTiles, (q0 + 15 - kb) / 16 + 1);
  for (int half = 0; half < 2; ++half)
    for (int t = 0; t < tiles; ++t) {
      __m512 s[8], dp[8];
      products(q.rows, q0 + 8 * half, k.tiles, kb / 16 + t, s);
      products(g.rows, q0 + 8 * half, v.tiles, kb / 16 + t, dp);
      for (int i = 0; i < 8; ++i) {
        const int query = q0 + 8 * half + i;
        const __m512 p =
            exp2_ps(_mm512_fmsub_ps(s[i], _mm512_set1_ps(kScale2), _mm512_set1_ps(lse[query])));
        s[i] = _mm512_maskz_mov_ps(visible(kb + 16 * t, query), p);
        dp[i] = _mm512_mul_ps(s[i], _mm512_sub_ps(dp[i], _mm512_set1_ps(delta[query])));
        _mm256_store_si256(reinterpret_cast<__m256i*>(&by_key[8 * half + i][8 * t]),
                           (__m256i)_mm512_cvtneps_pbh(dp[i]));
      }
      for (int i = 0; i < 8; i += 2) {
        _mm512_store_si512(&p_pairs[4 * half + i / 2][16 * t], interleave(s[i], s[i + 1]));
        _mm512_store_si512(&s_pairs[4 * half + i / 2][16 * t], interleave(dp[i], dp[i + 1]));
      }
    }
  for (int half = 0; half < 2; ++half)
    accumulate(by_key[8 * half],
               1,
               kBlock / 2,
               &k.pairs[size_t(kb / 2) * kDim],
               tiles * 8,
               dq + size_t(q0 + 8 * half) * kDim);
  for (int j = 0; j < 16 * tiles; j += 8) {
    accumulate(
        &p_pairs[0][j], kBlock, 1, &g.pairs[size_t(q0 / 2) * kDim], 8, dv + size_t(kb + j) * kDim);
    accumulate(
        &s_pairs[0][j], kBlock, 1, &q.pairs[size_t(q0 / 2) * kDim], 8, dk + size_t(kb + j) * kDim);
  }
}

void on_threads(int threads, int tasks, const std::function<void(int)>& work) {
  std::atomic<int> next{0};
  auto loop = [&] {
    for (int i = next++; i < tasks; i = next++) work(i);
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(loop);
  loop();
  for (auto& other : others) other.join();
}

float dot_bf16(const uint16_t* a, const uint16_t* b) {
  const __m512 sum = _mm512_dpbf16_ps(
      _mm512_setzero_ps(), as_bf16(_mm512_loadu_si512(a)), as_bf16(_mm512_loadu_si512(b)));
  return _mm512_reduce_add_ps(sum);
}

}  // namespace

extern "C" void attention_forward(const uint16_t* q,
                                  const uint16_t* k,
                                  const uint16_t* v,
                                  const float* angles,
                                  uint16_t* out,
                                  float* lse,
                                  int batch,
                                  int length,
                                  int heads,
                                  int kv_heads,
                                  int threads) {
  on_threads(threads, batch * heads, [=](int task) {
    const int b = task / heads, h = task % heads, kh = h / (heads / kv_heads);
    const size_t rows = size_t(b) * length;
    const Head query(q + (rows * heads + h) * kDim, length, heads, angles);
    const Head key(k + (rows * kv_heads + kh) * kDim, length, kv_heads, angles);
    const Head value(v + (rows * kv_heads + kh) * kDim, length, kv_heads);
    for (int q0 = 0; q0 < length; q0 += 8)
      forward_tile(query,
                   key,
                   value,
                   q0,
                   heads,
                   out + (rows * heads + h) * kDim,
                   lse + size_t(task) * length);
  });
}

// dk and dv hold one gradient per query head, [batch, length, heads, 32]; the caller sums the
// groups.
extern "C" void attention_backward(const uint16_t* q,
                                   const uint16_t* k,
                                   const uint16_t* v,
                                   const float* angles,
                                   const uint16_t* out,
                                   const float* lse,
                                   const uint16_t* grad,
                                   uint16_t* dq,
                                   uint16_t* dk,
                                   uint16_t* dv,
                                   int batch,
                                   int length,
                                   int heads,
                                   int kv_heads,
                                   int threads) {
  on_threads(threads, batch * heads, [=](int task) {
    const int b = task / heads, h = task % heads, kh = h / (heads / kv_heads);
    const size_t rows = size_t(b) * length, at = (rows * heads + h) * kDim,
                 step = size_t(heads) * kDim;
    const Head query(q + at, length, heads, angles), outer(grad + at, length, heads);
    const Head key(k + (rows * kv_heads + kh) * kDim, length, kv_heads, angles);
    const Head value(v + (rows * kv_heads + kh) * kDim, length, kv_heads);
    Floats delta(length), sq(size_t(length) * kDim), sk(sq.size()), sv(sq.size());
    for (int t = 0; t < length; ++t) delta[t] = dot_bf16(out + at + t * step, grad + at + t * step);
    for (int kb = 0; kb < length; kb += kBlock)
      for (int q0 = kb; q0 < length; q0 += 16)
        backward_tile(query,
                      key,
                      value,
                      outer,
                      q0,
                      kb,
                      lse + size_t(task) * length,
                      delta.data(),
                      sq.data(),
                      sk.data(),
                      sv.data());
    for (int t = 0; t < length; ++t) {
      rotate(&sq[size_t(t) * kDim], angles + size_t(t) * kDim, -1.0f);
      rotate(&sk[size_t(t) * kDim], angles + size_t(t) * kDim, -1.0f);
      store_bf16(dq + at + t * step, &sq[size_t(t) * kDim], kScale);
      store_bf16(dk + at + t * step, &sk[size_t(t) * kDim], kScale);
      store_bf16(dv + at + t * step, &sv[size_t(t) * kDim], 1.0f);
    }
  });
}
