# SPDX-License-Identifier: Apache-2.0
"""kvhost's scorers beside the peer's, with draws and learned files injected on both sides."""

from contextlib import contextmanager
from unittest import mock

from kvpress import (
    AdaKVPress,
    CompactorPress,
    CriticalKVPress,
    CURPress,
    ExpectedAttentionPress,
    KeyDiffPress,
    KVzapPress,
    LagKVPress,
    LeverageScorePress,
    NonCausalAttnPress,
    QFilterPress,
    RandomPress,
    TOVAPress,
)
from draws import uniform_scores
from kvcompress_rules import (
    H2OAttentionPress,
    RulePress,
    adaptive_l2,
    fix_size_l2,
    h2o_l2,
    recent_only,
    snapkv_lite,
)
from kvpress.presses.cap_press import CapPress
from kvpress.presses.expected_attention_with_stats import ExpectedAttentionStatsPress
from kvpress.presses.kvzap_press import KVzapConfig, KVzapModel
from resources import (
    CUR_SKETCH,
    EA_STATS,
    KVZAP,
    KVZAP_HIDDEN,
    Q_FILTERS,
    SKETCH,
    SKETCH_DIM,
    read_cur_sketch,
    read_sketch,
    read_tensors,
)


@contextmanager
def drawn(values):
    """torch.randn gives `values` instead."""

    def randn(*shape, **options):
        assert values.numel() == mock_numel(shape), (values.shape, shape)
        return values.reshape(shape).to(options.get("dtype"))

    with mock.patch("torch.randn", randn):
        yield


def mock_numel(shape):
    n = 1
    for size in shape:
        n *= size
    return n


def injected(base, read):
    """The press `base` with the draws that `read(model)` gives, by layer."""

    class Injected(base):
        def post_init_from_model(self, model):
            object.__setattr__(self, "draws", read(model))

        def score(self, module, *args, **kwargs):
            with drawn(self.draws[module.layer_idx]):
                return super().score(module, *args, **kwargs)

    return Injected


class Compactor(injected(CompactorPress, read_sketch)):
    def score(self, module, hidden_states, *args, **kwargs):
        ends = self.sink_size_start + self.sink_size_end
        assert hidden_states.shape[1] > ends, f"no tokens between the {ends} at both ends"
        return super().score(module, hidden_states, *args, **kwargs)


class Random(RandomPress):
    def score(self, module, hidden_states, keys, *args, **kwargs):
        return uniform_scores(self.seed, module.layer_idx, *keys.shape[1:3])


class QFilter(QFilterPress):
    def post_init_from_model(self, model):
        self.q_filters = read_tensors(model, Q_FILTERS)["q_filters"]


class ExpectedAttentionStats(ExpectedAttentionStatsPress):
    def post_init_from_model(self, model):
        stats = read_tensors(model, EA_STATS)
        self.mu, self.cov = stats["query_mean"], stats["query_cov"]


class KVzap(KVzapPress):
    def post_init_from_model(self, model):
        config = model.config
        self.kvzap_model = KVzapModel(
            KVzapConfig(
                input_dim=config.hidden_size,
                output_dim=config.num_key_value_heads,
                n_modules=config.num_hidden_layers,
                hidden_dim=KVZAP_HIDDEN if self.model_type == "mlp" else None,
            )
        )
        self.kvzap_model.load_state_dict(read_tensors(model, KVZAP[self.model_type]))


Leverage = injected(LeverageScorePress, read_sketch)
RandomCur = injected(CURPress, read_cur_sketch)
INJECTED = f"sketch_dimension={SKETCH_DIM},sketch={SKETCH}"


def simple(press, **settings):
    return lambda r: press(compression_ratio=r, **settings)


def under_adakv(press, **settings):
    return lambda r: AdaKVPress(press(compression_ratio=r, **settings))


def under_critical(press, **settings):
    return lambda r: CriticalKVPress(press(compression_ratio=r, **settings))


SCORERS = {
    "tova": simple(TOVAPress),
    "keydiff": simple(KeyDiffPress),
    "lagkv(lag_size=16)": simple(LagKVPress, lag_size=16),
    "lagkv(lag_size=16,cross_scoring=true)": simple(LagKVPress, lag_size=16, cross_scoring=True),
    "expected_attention": simple(ExpectedAttentionPress),
    "expected_attention(use_covariance=false,use_vnorm=false)": simple(
        ExpectedAttentionPress, use_covariance=False, use_vnorm=False
    ),
    "adakv:expected_attention(epsilon=0.01)": under_adakv(ExpectedAttentionPress, epsilon=1e-2),
    "criticalkv:expected_attention(use_vnorm=false)": under_critical(ExpectedAttentionPress, use_vnorm=False),
    f"leverage({INJECTED})": simple(Leverage, sketch_dimension=SKETCH_DIM),
    "non_causal(chunk_size=32,rule=kvpress)": simple(NonCausalAttnPress, chunk_size=32),
    f"compactor({INJECTED},chunk_size=32,rule=kvpress)": simple(
        Compactor, sketch_dimension=SKETCH_DIM, chunk_size=32
    ),
    f"compactor({INJECTED},rule=kvpress,blending=0.35)": simple(
        Compactor, sketch_dimension=SKETCH_DIM, blending=0.35
    ),
    f"adakv:compactor({INJECTED},rule=kvpress)": under_adakv(Compactor, sketch_dimension=SKETCH_DIM),
    "cur": simple(CURPress),
    "cur(leverage_type=kv_avg,use_local_approximation=false)": simple(
        CURPress, leverage_type="kv_avg", use_local_approximation=False
    ),
    f"cur(use_random_leverage=true,sketch={CUR_SKETCH})": simple(RandomCur, use_random_leverage=True),
    "cap": simple(CapPress),
    "kvzap": simple(KVzap),
    "kvzap(model_type=linear)": simple(KVzap, model_type="linear"),
    "adakv:kvzap": under_adakv(KVzap),
    "qfilter": simple(QFilter),
    "expected_attention_stats": simple(ExpectedAttentionStats),
    "random(seed=7)": simple(Random, seed=7),
    "recent_only": simple(RulePress, rule=recent_only),
    "h2o_l2(recent_size=8)": simple(RulePress, rule=h2o_l2, recent_size=8),
    "fix_size_l2(keep_ratio=0.3)": simple(RulePress, rule=fix_size_l2, keep_ratio=0.3),
    "fix_size_l2(strategy=keep_high)": simple(RulePress, rule=fix_size_l2, strategy="keep_high"),
    "h2o_attention(recent_size=8)": simple(H2OAttentionPress),
    "h2o_attention(recent_size=8,decay=0.9,head_mode=per_head)": simple(H2OAttentionPress, decay=0.9, per_head=True),
    "snapkv_lite(observation_window=8)": simple(RulePress, rule=snapkv_lite, observation_window=8),
    "adaptive_l2(hard_limit=100)": simple(RulePress, rule=adaptive_l2, hard_limit=100),
}
