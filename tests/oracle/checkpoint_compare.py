# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that are spelt, split or filled in other ways, loaded by kvhost and by transformers.

    .venv-oracle/bin/python tests/oracle/checkpoint_compare.py [--kvhost BIN] [--seed N] [--only WORD]

Every variant is made from a fresh tiny checkpoint. The largest difference of log-probabilities is printed; where kvhost
has to refuse, its line. `like` says whose figures count: transformers' own reading of the altered folder, or, for
spellings that its class for this family does not read, the unaltered model. Exit 1 when one is off.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import torch
from common import Host, HostError, make_parser, print_table
from masked_model import log_probs
from safetensors.torch import save_file
from tiny import draw_tokens, draw_weights, load_model, make_model
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

TOLERANCE = 1e-4
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


class Checkpoint:
    """Tensors and config of one model, to be altered and written."""

    def __init__(self, model):
        self.tensors = {name: t.detach().clone().contiguous() for name, t in model.state_dict().items()}
        self.config = model.config.to_dict()
        self.config["architectures"] = [type(model).__name__]
        self.shards = None  # file name -> names of its tensors
        self.index = None   # tensor -> file name; None: as the shards are

    def rename(self, rule):
        self.tensors = {rule(name): t for name, t in self.tensors.items()}

    def split(self):
        """Two shards, the head in the second."""
        names = list(self.tensors)
        half = len(names) // 2
        self.shards = {"a.safetensors": names[:half], "b.safetensors": names[half:]}
        self.index = {name: shard for shard, held in self.shards.items() for name in held}

    def write(self, folder):
        (folder / "config.json").write_text(json.dumps(self.config, default=str))
        files = self.shards or {SINGLE: list(self.tensors)}
        for file, names in files.items():
            held = {n: self.tensors[n] for n in names} if isinstance(names, list) else names
            save_file(held, folder / file, metadata={"format": "pt"})
        if self.shards:
            (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": self.index}))


VARIANTS = []


def variant(family="llama_gqa", like="transformers", refused=None, says=None, **config):
    """`refused`: words of the error line expected. `says`: words expected in a note on standard error."""
    def add(alter):
        VARIANTS.append((alter.__name__, family, like, refused, says, config, alter))
        return alter
    return add


# ---- names

@variant()
def unchanged(c):
    pass


@variant()
def base_names_and_head(c):
    c.rename(lambda n: n.removeprefix("model."))


@variant(tie_word_embeddings=True)
def base_model_tied(c):
    del c.tensors[HEAD]
    c.rename(lambda n: n.removeprefix("model."))


@variant(family="gpt_neox")
def base_names_neox(c):
    c.rename(lambda n: n.removeprefix("gpt_neox."))


@variant()
def prefix_on_all(c):
    c.rename(lambda n: n if n.startswith("model.") else "model." + n)


@variant()
def prefix_on_some(c):
    c.rename(lambda n: n.removeprefix("model.") if "layers.1" in n else n)


@variant(like="unaltered", says="vision_tower")
def inside_language_model(c):
    c.rename(lambda n: "language_model." + n)
    c.tensors["vision_tower.encoder.layers.0.self_attn.q_proj.bias"] = torch.ones(4)


@variant(like="unaltered")
def inside_model_language_model(c):
    c.rename(lambda n: n.replace("model.", "model.language_model.", 1))


@variant(refused="AutoModel")
def base_model_without_head(c):
    del c.tensors[HEAD]
    c.rename(lambda n: n.removeprefix("model."))


@variant(refused="score.weight")
def classifier(c):
    del c.tensors[HEAD]
    c.tensors["score.weight"] = torch.ones(2, 64)


# ---- the head

@variant(tie_word_embeddings=True, says="the stored head is used")
def tied_with_another_head(c):
    c.tensors[HEAD] = 1.5 * c.tensors[EMBEDDING] + 0.01


@variant(tie_word_embeddings=True)
def tied_with_the_same_head(c):
    c.tensors[HEAD] = c.tensors[EMBEDDING].clone()


@variant(tie_word_embeddings=True)
def tied_with_only_the_head(c):
    c.tensors[HEAD] = c.tensors.pop(EMBEDDING)


# ---- surplus tensors

@variant(says="k_scale")
def cache_scales(c):
    for i in range(4):
        for part in "kv":
            c.tensors[f"model.layers.{i}.self_attn.{part}_scale"] = torch.tensor([0.5])


@variant(says="score.weight")
def head_and_classifier(c):
    c.tensors["score.weight"] = torch.ones(2, 64)


@variant(says="mtp")
def mtp_layers(c):
    c.tensors["mtp.layers.0.input_layernorm.weight"] = torch.rand(64)
    c.tensors["model.layers.4.eh_proj.weight"] = torch.rand(64, 128)
    c.tensors["model.layers.4.enorm.weight"] = torch.rand(64)


@variant(says="not used")
def fewer_layers_in_config(c):
    c.config["num_hidden_layers"] = 3
    if "layer_types" in c.config:
        c.config["layer_types"] = c.config["layer_types"][:3]


@variant(says="q_proj.bias")
def zero_biases(c):
    for name in [n for n in c.tensors if n.endswith("q_proj.weight")]:
        c.tensors[name.replace(".weight", ".bias")] = torch.zeros(c.tensors[name].shape[0])


@variant(refused="q_proj.bias")
def biases_that_count(c):
    for name in [n for n in c.tensors if n.endswith("q_proj.weight")]:
        c.tensors[name.replace(".weight", ".bias")] = torch.rand(c.tensors[name].shape[0])


@variant(refused="q_norm.weight")
def norms_that_count(c):
    for i in range(4):
        c.tensors[f"model.layers.{i}.self_attn.q_norm.weight"] = torch.rand(16)


@variant(family="gpt_neox")
def neox_buffers(c):
    for i in range(4):
        c.tensors[f"gpt_neox.layers.{i}.attention.rotary_emb.inv_freq"] = torch.rand(4)
        c.tensors[f"gpt_neox.layers.{i}.attention.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.bool)
        c.tensors[f"gpt_neox.layers.{i}.attention.masked_bias"] = torch.tensor(-1e9)


@variant(refused="gate_prj")
def misspelt(c):
    c.rename(lambda n: n.replace("layers.0.mlp.gate_proj", "layers.0.mlp.gate_prj"))


@variant(refused="layers.2.mlp.up_proj.weight is missing")
def one_missing(c):
    del c.tensors["model.layers.2.mlp.up_proj.weight"]


# ---- shards

@variant()
def two_shards(c):
    c.split()


@variant()
def shard_with_another_shards_tensors(c):
    c.split()
    c.shards["b.safetensors"] = c.shards["b.safetensors"] + c.shards["a.safetensors"][:3]


@variant()
def index_names_the_wrong_shard(c):
    c.split()
    for name in c.shards["a.safetensors"][:3]:
        c.index[name] = "b.safetensors"


@variant()
def unindexed_tensors(c):
    c.split()
    for name in c.shards["b.safetensors"][:3]:
        del c.index[name]


@variant()
def index_names_absent_buffers(c):
    c.split()
    c.index["model.layers.0.self_attn.rotary_emb.inv_freq"] = "a.safetensors"


@variant(says="shards differ")
def unindexed_in_two_shards(c):  # the last one counts
    c.split()
    name = c.shards["a.safetensors"][1]
    del c.index[name]
    changed = {n: c.tensors[n] for n in c.shards["b.safetensors"]}
    changed[name] = 1.1 * c.tensors[name]
    c.shards["b.safetensors"] = changed


@variant(refused="is missing")
def shard_is_missing(c):
    c.split()
    c.index["model.layers.0.self_attn.q_proj.weight"] = "c.safetensors"


# ---- types

@variant()
def mixed_types(c):
    types = [torch.bfloat16, torch.float32, torch.float16, torch.float64]
    c.tensors = {n: t.to(types[i % 4]) for i, (n, t) in enumerate(c.tensors.items())}


@variant(says="mtp.fc.weight")
def unused_float8(c):
    c.tensors["mtp.fc.weight"] = torch.rand(8, 8).to(torch.float8_e4m3fn)


@variant(refused="F8_E4M3")
def needed_float8(c):
    name = "model.layers.0.mlp.up_proj.weight"
    c.tensors[name] = c.tensors[name].to(torch.float8_e4m3fn)


@variant(refused="I8")
def needed_int8(c):
    name = "model.layers.0.mlp.up_proj.weight"
    c.tensors[name] = (100 * c.tensors[name]).to(torch.int8)


@variant(like="unaltered", says="quantization_config")
def quantised_cache_alone(c):
    c.config["quantization_config"] = {"quant_method": "compressed-tensors", "kv_cache_scheme": {"num_bits": 8}}


@variant(refused="quantised")
def packed(c):
    for name in [n for n in c.tensors if n.endswith("_proj.weight")]:
        c.tensors[name.replace(".weight", ".qweight")] = torch.zeros(8, 64, dtype=torch.int32)
        del c.tensors[name]


def new_model(family, seed, **config):
    if family != "gpt_neox":
        return make_model(family, seed, **config)
    model = GPTNeoXForCausalLM(GPTNeoXConfig(
        hidden_size=64, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4, vocab_size=512,
        max_position_embeddings=256, bos_token_id=0, eos_token_id=1, **config)).eval()
    draw_weights(model, seed)
    return model


def host_scores(host, folder, context, continuation):
    """-> (log-probabilities, the notes on standard error)."""
    out = host.path()
    command = ["score", "--tokens-file", host.write_tokens(context), "--continuation-file",
               host.write_tokens(continuation), "--model", folder, "--press", "none", "--dtype", "float32", "--json", out]
    notes = host.notes(command)
    return torch.tensor(json.loads(Path(out).read_text())["logprobs"]), notes


class NotingHost(Host):
    def notes(self, args):
        done = subprocess.run([self.binary, *map(str, args)], capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise HostError([str(a) for a in args], done.returncode, done.stderr)
        return done.stderr


def judge_refusal(refused, error):
    lines = error.strip().splitlines()
    fits = refused is not None and len(lines) == 1 and refused in lines[0]
    return ("refused", "ok") if fits else ("refused", f"OFF: {error.strip()}")


def judge(host, folder, plain, context, continuation, like, refused, says):
    try:
        found, notes = host_scores(host, folder, context, continuation)
    except HostError as error:
        return judge_refusal(refused, error.stderr)
    if refused is not None:
        return "loaded", f"OFF: expected a refusal with '{refused}'"
    expected, _ = log_probs(load_model(folder) if like == "transformers" else plain, context, continuation, None)
    error = float((found - expected).abs().max())
    if error > TOLERANCE:
        return f"{error:.2e}", "OFF"
    if (says is None) != (notes.strip() == "") or (says and says not in notes):
        return f"{error:.2e}", f"OFF: expected {'a note with ' + repr(says) if says else 'no note'}, found {notes!r}"
    return f"{error:.2e}", "ok"


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="variants whose name holds this")
    args = parser.parse_args()
    host = NotingHost(args.kvhost)
    rows = []
    for n, (name, family, like, refused, says, config, alter) in enumerate(VARIANTS):
        if args.only not in name:
            continue
        model = new_model(family, args.seed + n, **config)
        context, continuation = (draw_tokens(k, 512, args.seed + n + k) for k in (40, 24))
        checkpoint = Checkpoint(model)
        alter(checkpoint)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=host.folder))
        checkpoint.write(folder)
        found, verdict = judge(host, folder, model, context, continuation, like, refused, says)
        rows.append((name, family, "refusal" if refused else like, found, verdict))
        print(*rows[-1], flush=True)
    print()
    print_table(("variant", "family", "like", "max |difference|", "verdict"), rows)
    raise SystemExit(1 if any(row[-1] != "ok" for row in rows) else 0)


if __name__ == "__main__":
    main()
