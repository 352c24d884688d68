// SPDX-License-Identifier: Apache-2.0
// Merging: the value of an evicted entry is blended into the kept entry whose key is most similar;
// keys stay as they are. Papers: arXiv:2210.09461 and arXiv:2406.13035 (inspired by). Checked
// against: kvpress 0.5.5 MergingPress.
#include <kvhost/torch.hpp>

namespace {

using namespace kvhost::sdk;

constexpr double kTiny = 1e-6;
// evicted entries compared at a time: [kChunk, n_kept] float32 of scratch
constexpr int64_t kChunk = 1024;

class Merging {
 public:
  static Description describe() {
    return press("merging")
        .summary("Blends the values of evicted entries into their most similar kept neighbours")
        .paper("arXiv:2406.13035")
        .reference("kvpress 0.5.5 MergingPress")
        .notes(
            "With merge_fraction < 1, kvpress interpolates its cut between similarities and minus "
            "infinity when entries fail the threshold, and then merges nothing; so does this.")
        .param(real("similarity_threshold", 0.0)
                   .min(0)
                   .max(1)
                   .doc("Cosine similarity of keys below which nothing is merged"))
        .param(real("merge_fraction", 1.0)
                   .above(0)
                   .max(1)
                   .doc("Share of the evicted entries, the most similar ones, that are merged"))
        .edits_values()
        .decodes();
  }

  explicit Merging(const Args& args)
      : similarity_threshold_(args.real("similarity_threshold")),
        merge_fraction_(args.real("merge_fraction")) {}

  void edit(const Layer& layer, Edit& edit) const {
    // Inside the host's loop libtorch runs on one thread, which saves a barrier per operation.
    for_each_head(layer, [&](int32_t h) {
      layer.check_cancelled();
      edit_head(layer.head(h), edit, h);
    });
  }

 private:
  struct Match {
    at::Tensor similarity;  // [n_evicted] float32
    at::Tensor target;      // [n_evicted] int64, index of the kept entry
  };

  void edit_head(const Head& head, Edit& edit, int32_t h) const {
    const int64_t n_kept = edit.n_kept(h);
    const int64_t n_evicted = head.n_entries() - n_kept;
    if (n_kept == 0 || n_evicted == 0) return;
    const auto [kept, evicted] = split(head, edit, h);
    const at::Tensor keys = as_float(head.keys().raw());        // [n, d]
    const at::Tensor values = as_float(head.values().raw());    // [n, d]
    const at::Tensor moving = values.index_select(0, evicted);  // [n_evicted, d]
    // [n_kept, d] view
    at::Tensor staying = at::from_blob(edit.values(h), {n_kept, values.size(1)}, at::kFloat);

    const Match match =
        nearest(unit_rows(keys.index_select(0, kept)), unit_rows(keys.index_select(0, evicted)));
    const at::Tensor moving_norm = moving.norm(2, /*dim=*/-1);  // [n_evicted]
    const at::Tensor target_norm = staying.norm(2, /*dim=*/-1).index_select(0, match.target);
    const at::Tensor weight = match.similarity.clamp_min(0) * accepted(match.similarity) *
                              moving_norm / (moving_norm + target_norm + kTiny);  // [n_evicted]

    at::Tensor sum = at::zeros_like(staying);  // [n_kept, d]
    sum.index_add_(0, match.target, weight.unsqueeze(-1) * moving);
    at::Tensor total = at::zeros({n_kept}, at::kFloat);
    total.index_add_(0, match.target, weight);
    const at::Tensor merged = (staying + sum) / (1.0 + total).unsqueeze(-1);  // [n_kept, d]
    staying.copy_(at::where((total > 0).unsqueeze(-1), merged, staying));
  }

  // Indices of kept and of evicted entries, both ascending.
  static std::pair<at::Tensor, at::Tensor> split(const Head& head, const Edit& edit, int32_t h) {
    std::vector<int64_t> kept(edit.kept(h), edit.kept(h) + edit.n_kept(h)), evicted;
    size_t next = 0;
    for (int64_t i = 0; i < head.n_entries(); ++i) {
      if (next < kept.size() && kept[next] == i) {
        ++next;
      } else {
        evicted.push_back(i);
      }
    }
    return {at::tensor(kept, at::kLong), at::tensor(evicted, at::kLong)};
  }

  static at::Tensor unit_rows(const at::Tensor& rows) {
    return rows / rows.norm(2, /*dim=*/-1, /*keepdim=*/true).clamp_min(kTiny);
  }

  // kept: [n_kept, d], evicted: [n_evicted, d], rows of unit length
  static Match nearest(const at::Tensor& kept, const at::Tensor& evicted) {
    std::vector<at::Tensor> similarities, targets;
    for (const at::Tensor& rows : evicted.split(kChunk)) {            // [c, d]
      const auto [best, at] = rows.matmul(kept.t()).max(/*dim=*/-1);  // [c], [c]
      similarities.push_back(best);
      targets.push_back(at);
    }
    return {at::cat(similarities), at::cat(targets)};
  }

  // [n_evicted] 1 where the entry may be merged, else 0
  at::Tensor accepted(const at::Tensor& similarity) const {
    at::Tensor ok = similarity >= similarity_threshold_;
    if (merge_fraction_ < 1.0 && ok.any().item<bool>()) {
      const at::Tensor open = similarity.masked_fill(~ok, -std::numeric_limits<float>::infinity());
      ok = ok & (similarity >= linear_quantile(open, 1.0 - merge_fraction_));
    }
    return ok.to(at::kFloat);
  }

  // torch's quantile with linear interpolation, in float32; its own refuses more than 2^24
  // elements.
  static float linear_quantile(const at::Tensor& values, double q) {
    const at::Tensor sorted = std::get<0>(values.sort());  // [n] ascending
    const auto* x = sorted.data_ptr<float>();
    const float at = static_cast<float>(q) * static_cast<float>(sorted.size(0) - 1);
    const auto below = static_cast<int64_t>(at);
    const int64_t above = std::min(below + 1, sorted.size(0) - 1);
    return std::lerp(x[below], x[above], at - static_cast<float>(below));
  }

  double similarity_threshold_;
  double merge_fraction_;
};

}  // namespace

KVHOST_PRESS(Merging)
