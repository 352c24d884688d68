// SPDX-License-Identifier: Apache-2.0
// For every check of kvhost validate a scorer that fails this one and no other: named zoo_ and the check.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <kvhost/sdk.hpp>
#include <thread>

namespace {

using namespace kvhost::sdk;

Description right(const char* name) {
  return scorer(name).summary("Wrong in one way").reference("nothing").decodes();
}

void fill(const Layer& layer, Scores& out, float value) {
  for (int32_t h = 0; h < layer.n_kv_heads(); ++h)
    std::fill_n(out.row(h), out.n_entries(h), value);
}

void spoil(Scores& out) { out.row(0)[0] = std::nanf(""); }

const kvh_dtype& dtype(const Layer& layer) { return layer.head(0).keys().raw().dtype; }

// load.words: nobody says what it is.
struct Wordless {
  static Description describe() { return scorer("zoo_load_words").decodes(); }
  explicit Wordless(const Args&) {}
  void score(const Layer& layer, Scores& out) const { fill(layer, out, 1); }
};

// configuration.defaults: made once more than fifty times, it fails.
struct Fifty {
  static Description describe() { return right("zoo_configuration_defaults"); }
  explicit Fifty(const Args&) {
    static std::atomic<int> made{0};
    if (++made > 50) throw Error(KVH_E_INTERNAL, "", "no more than fifty");
  }
  void score(const Layer& layer, Scores& out) const { fill(layer, out, 1); }
};

// configuration.bounds: its largest value is one that it cannot bear.
struct Bounds10 {
  static Description describe() {
    return right("zoo_configuration_bounds").param(integer("n", 1).min(1).max(10).doc("Up to 9"));
  }
  explicit Bounds10(const Args& args) {
    if (args.integer("n") == 10) throw Error(KVH_E_INTERNAL, "", "ten is too much");
  }
  void score(const Layer& layer, Scores& out) const { fill(layer, out, 1); }
};

// configuration.choices: likewise a choice.
struct Choices {
  static Description describe() {
    return right("zoo_configuration_choices").param(choice("how", {"well", "ill"}).doc("How"));
  }
  explicit Choices(const Args& args) {
    if (args.choice("how") == "ill") throw Error(KVH_E_INTERNAL, "", "ill");
  }
  void score(const Layer& layer, Scores& out) const { fill(layer, out, 1); }
};

// configuration.needs: asks for what it does not declare, but in a model, which would refuse it.
struct Undeclared {
  static Description describe() { return right("zoo_configuration_needs"); }
  explicit Undeclared(const Args& args) : made_up_(args.model() && !*args.model()->model_dir) {}
  void needs(Needs& needs) const {
    if (made_up_) needs.add(KVH_T_HIDDEN, 4);
  }
  void score(const Layer& layer, Scores& out) const { fill(layer, out, 1); }

 private:
  bool made_up_;
};

// numbers.f32: 48 tokens of float32 are its bane, on the thread that began the process.
struct Float32 {
  static Description describe() { return right("zoo_numbers_f32"); }
  explicit Float32(const Args&) {}
  void score(const Layer& layer, Scores& out) const {
    fill(layer, out, 1);
    const bool first_thread = ::syscall(SYS_gettid) == ::getpid();
    if (dtype(layer).bits == 32 && layer.n_seen() == 48 && !layer.decoding() && first_thread)
      spoil(out);
  }
};

// numbers.f16, numbers.bf16: cannot read these 16 bits, but in a model.
template <uint8_t code>
struct Half {
  static Description describe() {
    return right(code == KVH_DTYPE_FLOAT ? "zoo_numbers_f16" : "zoo_numbers_bf16");
  }
  explicit Half(const Args&) {}
  void score(const Layer& layer, Scores& out) const {
    fill(layer, out, 1);
    const bool made_up = !*layer.model().model_dir;
    if (made_up && dtype(layer).bits == 16 && dtype(layer).code == code) spoil(out);
  }
};

// numbers.one: divides by the number of entries behind the first.
struct One {
  static Description describe() { return right("zoo_numbers_one"); }
  explicit One(const Args&) {}
  void score(const Layer& layer, Scores& out) const {
    fill(layer, out, 1);
    if (layer.kv_len() == 1) std::raise(SIGFPE);
  }
};

// numbers.odd: reads rows in eights, whatever their width is.
struct Eights {
  static Description describe() { return right("zoo_numbers_odd"); }
  explicit Eights(const Args&) {}
  void score(const Layer& layer, Scores& out) const {
    std::vector<float> scratch;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Matrix keys = layer.head(h).keys();
      const int64_t width = (keys.cols() + 7) / 8 * 8;
      for (int64_t i = 0; i < keys.rows(); ++i) {
        const float* row = keys.row(i, scratch);
        float sum = 0;
        for (int64_t c = 0; c < (dtype(layer).bits == 32 ? width : keys.cols()); ++c) sum += row[c];
        out.row(h)[i] = sum;
      }
    }
  }
};

// numbers.ragged: takes all heads to hold as much as the longest.
struct Dense {
  static Description describe() { return right("zoo_numbers_ragged"); }
  explicit Dense(const Args&) {}
  void score(const Layer& layer, Scores& out) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) std::fill_n(out.row(h), layer.kv_len(), 1.0f);
  }
};

// threads.same: every call gives something else.
struct Counts {
  static Description describe() { return right("zoo_threads_same"); }
  explicit Counts(const Args&) {}
  void score(const Layer& layer, Scores& out) const {
    static std::atomic<int> calls{0};
    fill(layer, out, static_cast<float>(++calls));
  }
};

// threads.beside: two calls at once are one too many.
struct Alone {
  static Description describe() { return right("zoo_threads_beside"); }
  explicit Alone(const Args&) {}
  void score(const Layer& layer, Scores& out) const {
    static std::atomic<int> inside{0};
    const int others = inside++;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    --inside;
    fill(layer, out, 1);
    if (others > 0) spoil(out);
  }
};

// model.run: works on made-up layers only, which have no folder.
struct MadeUp {
  static Description describe() { return right("zoo_model_run"); }
  explicit MadeUp(const Args&) {}
  void score(const Layer& layer, Scores& out) const {
    fill(layer, out, 1);
    if (*layer.model().model_dir) throw Error(KVH_E_INTERNAL, "", "a real model");
  }
};

}  // namespace

#undef KVHOST_PLUGIN_VENDOR
#define KVHOST_PLUGIN_VENDOR "Zoo"
#undef KVHOST_PLUGIN_LICENSE
#define KVHOST_PLUGIN_LICENSE "Apache-2.0"
KVHOST_PLUGIN("org.example.zoo_checks",
              scorer_method<Wordless>,
              scorer_method<Fifty>,
              scorer_method<Bounds10>,
              scorer_method<Choices>,
              scorer_method<Undeclared>,
              scorer_method<Float32>,
              scorer_method<Half<KVH_DTYPE_FLOAT>>,
              scorer_method<Half<KVH_DTYPE_BFLOAT>>,
              scorer_method<One>,
              scorer_method<Eights>,
              scorer_method<Dense>,
              scorer_method<Counts>,
              scorer_method<Alone>,
              scorer_method<MadeUp>)
