// SPDX-License-Identifier: Apache-2.0
// A method of every kind on the C++ layer of ABI 1.0. Together they keep what knorm keeps.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class Norms {
 public:
  static Description describe() {
    return scorer("museum_" COMPILER "_scorer").summary("Small keys").decodes();
  }
  explicit Norms(const Args&) {}
  void score(const Layer& layer, Scores& out) const {
    std::vector<std::vector<float>> scratch(n_threads(layer));
    parallel_for(layer, layer.n_kv_heads(), [&](int64_t begin, int64_t end, uint32_t thread) {
      for (auto h = static_cast<int32_t>(begin); h < end; ++h) {
        const Matrix keys = layer.head(h).keys();
        for (int64_t i = 0; i < keys.rows(); ++i)
          out.row(h)[i] = static_cast<float>(
              -std::sqrt(squared_norm(keys.row(i, scratch.at(thread)), keys.cols())));
      }
    });
  }
};

// Calls what is inside with a copy of the layer.
class Passes {
 public:
  struct Sequence {
    static constexpr bool copies = true;
    explicit Sequence(const SequenceInfo& info) : n_prompt(info.n_prompt()) {}
    int64_t n_prompt;
  };
  static Description describe() {
    return wrapper("museum_" COMPILER "_wrapper").summary("What is inside").default_inner("knorm").decodes();
  }
  explicit Passes(const Args& args) : inner_(args.child()) {}
  void score(Sequence& sequence, const Layer& layer, Scores& out) const {
    if (!layer.decoding() && sequence.n_prompt != layer.n_seen())
      throw Error(KVH_E_INTERNAL, "", "another length of the prompt");
    const kvh_layer copy = layer.raw();
    inner_.score(Layer(copy), out);
  }

 private:
  Child inner_;
};

class Heads {
 public:
  static Description describe() {
    return head_allocator("museum_" COMPILER "_heads").summary("An even split").default_inner("knorm").decodes();
  }
  explicit Heads(const Args&) {}
  std::vector<int64_t> allocate(const Layer& layer, const ScoreView& scores) const {
    Bounds bounds;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      bounds.min.push_back(0);
      bounds.max.push_back(scores.n_entries(h));
    }
    return apportion(std::vector<double>(bounds.max.size(), 1.0), layer.layer_budget(), bounds);
  }
};

class Layers {
 public:
  static Description describe() {
    return layer_allocator("museum_" COMPILER "_layers").summary("An even split").default_inner("knorm");
  }
  explicit Layers(const Args&) {}
  uint32_t when() const { return KVH_WHEN_AFTER_PREFILL; }
  void observe(const Layer&) const {}
  void allocate(const LayerRequest& request, LayerAnswer& answer) const {
    const std::vector<double> even(static_cast<size_t>(request.n_layers()), 1.0);
    answer.shares(even);
    answer.observed("nothing_of_interest", even);
  }
};

class Leaves {
 public:
  static Description describe() {
    return press("museum_" COMPILER "_press").summary("Writes values as they are").edits_values().decodes();
  }
  explicit Leaves(const Args&) {}
  void edit(const Layer& layer, Edit& edit) const {
    std::vector<float> scratch;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Matrix values = layer.head(h).values();
      for (int64_t k = 0; k < edit.n_kept(h); ++k)
        std::copy_n(values.row(edit.kept(h)[k], scratch), values.cols(), edit.values(h) + k * values.cols());
    }
  }
};

}  // namespace

KVHOST_PLUGIN("org.example.museum_" COMPILER,
              scorer_method<Norms>,
              scorer_method<Passes>,
              head_allocator_method<Heads>,
              layer_allocator_method<Layers>,
              press_method<Leaves>)
