// SPDX-License-Identifier: Apache-2.0
// A scorer as a kit of ABI 1.3 would make it, in C++ on a standard library that the host does not have:
// structs that have grown, one that is as small as it was in 1.0, bits and needs that nobody knows but may
// be ignored. It keeps what knorm keeps. Strings, containers and exceptions of that library stay inside.
#include <kvhost/plugin.h>
#include <kvhost/sequence.h>
#include <kvhost/own_budget.h>

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct kvh_instance {
  double sign;
  std::string words;
};
struct kvh_sequence {
  std::map<std::string, std::vector<int64_t>> calls;  // by layer, tokens seen
};

namespace {

template <typename T, int kMore>
struct Grown {
  T known;
  uint64_t more[kMore];
};

kvh_status say(kvh_error* error, const char* words) noexcept {
  std::strncpy(error->message, words, sizeof error->message - 1);
  return error->code = KVH_E_INTERNAL;
}

double squared(const kvh_tensor& keys, int64_t i) {
  if (keys.dtype.code != KVH_DTYPE_FLOAT || keys.dtype.bits != 32) throw std::runtime_error("no float32");
  const float* row = reinterpret_cast<const float*>(static_cast<const char*>(keys.data) + keys.byte_offset);
  double sum = 0;
  for (int64_t j = 0; j < keys.shape[1]; ++j) {
    const double x = row[i * keys.strides[0] + j * keys.strides[1]];
    sum += x * x;
  }
  return sum;
}

kvh_status score(kvh_instance* self,
                 kvh_sequence* state,
                 const kvh_layer* layer,
                 kvh_scores* out,
                 kvh_error* error) noexcept {
  try {
    state->calls[std::to_string(layer->layer) + self->words].push_back(layer->n_seen);
    if (layer->struct_size < KVH_LAYER_SIZE_1_0) throw std::length_error("a kvh_layer smaller than that of 1.0");
    if (layer->n_needs != 1 || kvh_layer_need(layer, 0)) throw std::logic_error("other needs than it has");
    for (int32_t h = 0; h < layer->n_kv_heads; ++h)
      for (int64_t i = 0; i < layer->heads[h]->n_entries; ++i)
        out->scores[h][i] = static_cast<float>(self->sign * std::sqrt(squared(layer->heads[h]->keys, i)));
    return KVH_OK;
  } catch (const std::exception& e) {
    return say(error, e.what());
  }
}

kvh_status create(const kvh_method*, const kvh_create_args* args, kvh_instance** out, kvh_error* error) noexcept {
  try {
    if (args->n_values != 1 || args->values[0].type != KVH_PARAM_FLOAT) throw std::invalid_argument("other parameters");
    *out = std::make_unique<kvh_instance>(kvh_instance{args->values[0].v.d, " of the museum, in words longer than any buffer inside"}).release();
    return KVH_OK;
  } catch (const std::exception& e) {
    return say(error, e.what());
  }
}
void destroy(kvh_instance* self) noexcept { delete self; }

kvh_status begin(kvh_instance*, const kvh_sequence_info*, kvh_sequence** out, kvh_error*) noexcept {
  *out = new kvh_sequence;
  return KVH_OK;
}
void end(kvh_instance*, kvh_sequence* state) noexcept { delete state; }
kvh_status copy(kvh_instance*, const kvh_sequence* from, kvh_sequence** out, kvh_error*) noexcept {
  *out = new kvh_sequence(*from);
  return KVH_OK;
}
int64_t own_entries(const kvh_instance*, int64_t n_tokens) noexcept { return n_tokens / 2 + 1; }

// What 1.0 had of it: a copy, and nothing behind.
struct FirstSequence {
  uint32_t struct_size, reserved;
  decltype(kvh_sequence_functions::copy) copy;
};
const FirstSequence sequence_functions = {sizeof(FirstSequence), 0, copy};
const Grown<kvh_own_budget, 2> own_budget = {{sizeof own_budget, 0, own_entries}, {1, 2}};

const void* extension(const kvh_method*, const char* id) noexcept {
  if (std::strcmp(id, KVH_EXT_SEQUENCE) == 0) return &sequence_functions;
  return std::strcmp(id, KVH_EXT_OWN_BUDGET) == 0 ? &own_budget : nullptr;
}

template <typename T, int kMore>
Grown<T, kMore> grown() {
  Grown<T, kMore> out{};
  out.known.struct_size = sizeof out;
  for (uint64_t& word : out.more) word = 0x7777777777777777u;
  return out;
}

const kvh_method* method() {
  static const auto param = [] {
    auto p = grown<kvh_param, 3>();
    p.known.type = p.known.def.type = KVH_PARAM_FLOAT;
    p.known.flags = 1u << 18 | 1u << 30;
    p.known.name = "sign";
    p.known.doc = "-1 keeps small keys";
    p.known.def.present = 1;
    p.known.def.v.d = -1;
    return p;
  }();
  static const kvh_param* const params[] = {&param.known};
  static const kvh_need needs[] = {{91, KVH_NEED_OPTIONAL | 1u << 11 | 1u << 24, -3, 1u << 9, 5, 8}};
  static const auto scorer = [] {
    auto s = grown<kvh_scorer, 4>();
    s.known.score = score;
    return s;
  }();
  static const auto made = [] {
    auto m = grown<kvh_method, 6>();
    m.known.kind = KVH_KIND_SCORER;
    m.known.flags = KVH_METHOD_PREFILL | KVH_METHOD_DECODE | 1u << 26 | 1u << 29;
    m.known.name = NAME;
    m.known.params = params;
    m.known.n_params = 1;
    m.known.static_needs = needs;
    m.known.n_static_needs = 1;
    m.known.create = create;
    m.known.destroy = destroy;
    m.known.begin = begin;
    m.known.end = end;
    m.known.functions = &scorer;
    m.known.extension = extension;
    return m;
  }();
  return &made.known;
}
const kvh_method* method_at(uint32_t index) noexcept { return index == 0 ? method() : nullptr; }

}  // namespace

// What has grown begins with what it was: the symbol is of the larger struct.
extern "C" KVH_EXPORT const Grown<kvh_plugin, 3> museum_plugin __asm__("kvhost_plugin_v1");
const Grown<kvh_plugin, 3> museum_plugin = {{KVH_MAGIC,
                                             sizeof museum_plugin,
                                             KVH_ABI_MAJOR,
                                             3,
                                             0,
                                             1,
                                             "org.example." NAME,
                                             "1.3.0",
                                             nullptr,
                                             nullptr,
                                             nullptr,
                                             method_at},
                                            {5, 6, 7}};
