# SPDX-License-Identifier: Apache-2.0
"""GGUF files of the tiny checkpoints, written with the `gguf` package as llama.cpp's converter writes them.

    python tests/oracle/gguf_golden.py [--models tests/golden/models] [--out tests/golden/gguf] [NAME ...]

Names of tensors come from the package's own table. Matrices are rounded to bfloat16: a file must give the very weights
that its folder gives in bfloat16. `types` is a model of its own, each matrix in another type, with the logits that transformers has
for its weights dequantised by the package.
"""
import argparse
import json
import pathlib

import gguf
import numpy
import torch
import transformers
from safetensors.torch import load_file

import logits_golden

ROOT = pathlib.Path(__file__).resolve().parents[2]
Arch, Type = gguf.MODEL_ARCH, gguf.GGMLQuantizationType

# Of each architecture a checkpoint or two of tests/golden/models.
MODELS = {
    "llama_gqa": Arch.LLAMA, "llama_bias": Arch.LLAMA, "llama3_rope": Arch.LLAMA, "llama_yarn": Arch.LLAMA,
    "llama_linear": Arch.LLAMA, "neox_parallel": Arch.GPTNEOX, "qwen2": Arch.QWEN2, "qwen3": Arch.QWEN3,
    "gemma": Arch.GEMMA, "gemma2": Arch.GEMMA2, "gemma3": Arch.GEMMA3, "phi3": Arch.PHI3, "phi3_long": Arch.PHI3,
    "smollm3": Arch.SMOLLM3, "olmo2": Arch.OLMO2, "granite": Arch.GRANITE, "ministral3": Arch.MISTRAL3,
    "mixtral": Arch.LLAMA, "qwen2_moe": Arch.QWEN2MOE, "qwen3_moe": Arch.QWEN3MOE, "gpt_oss": Arch.GPT_OSS,
}
# What these show is in their metadata: of their tensors only the embedding is written.
METADATA_ONLY = {"llama3_rope", "llama_yarn", "llama_linear"}
# The converters of these lay the halves that rotate together side by side.
INTERLEAVED = {Arch.LLAMA, Arch.GRANITE, Arch.SMOLLM3, Arch.MISTRAL3}
GEMMAS = {Arch.GEMMA, Arch.GEMMA2, Arch.GEMMA3}


def interleave(tensor, head_dim):
    """Rows [heads, half, pair] -> [heads, pair, half]."""
    return tensor.reshape(-1, 2, head_dim // 2, *tensor.shape[1:]).transpose(1, 2).reshape(tensor.shape)


def thirds(tensor, head_dim):
    """Rows [heads, (q, k, v), head_dim] -> [(q, k, v), heads, head_dim]."""
    return tensor.reshape(-1, 3, head_dim, *tensor.shape[1:]).transpose(0, 1).reshape(tensor.shape)


def converted(name, tensor, arch, head_dim):
    if arch in INTERLEAVED and any(f"self_attn.{x}_proj." in name for x in "qk"):
        return interleave(tensor, head_dim)
    if arch == Arch.GPTNEOX and "query_key_value" in name:
        return thirds(tensor, head_dim)
    if arch in GEMMAS and name.endswith("norm.weight"):
        return tensor.float() + 1
    return tensor


def add_tensor(writer, name, tensor):
    """Matrices as bfloat16, to keep the files small; vectors as float32, as in llama.cpp's files."""
    numbers = tensor.float().contiguous().numpy()
    if tensor.dim() == 1:
        writer.add_tensor(name, numbers)
    else:
        writer.add_tensor(name, gguf.quants.quantize(numbers, Type.BF16), raw_dtype=Type.BF16)


def inverse_llama3(config, rope, head_dim):
    """The factors of rope_freqs.weight."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    plain = 1.0 / rope["rope_theta"] ** (torch.arange(0, head_dim, 2).float() / head_dim)
    return plain / scaled


def add_rope(writer, config, head_dim):
    rope = dict(config.rope_parameters or {})
    rope = rope.get("full_attention", rope)
    share = rope.get("partial_rotary_factor", 1.0)
    writer.add_rope_dimension_count(int(head_dim * share))
    writer.add_rope_freq_base(rope["rope_theta"])
    if (local := (config.rope_parameters or {}).get("sliding_attention")) and local["rope_theta"] != 1e4:
        writer.add_float32(f"{writer.arch}.rope.freq_base_swa", local["rope_theta"])
    kind = rope.get("rope_type", "default")
    if kind == "llama3":
        writer.add_tensor("rope_freqs.weight", inverse_llama3(config, rope, head_dim).numpy().astype(numpy.float32))
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        if rope.get("mscale_all_dim"):
            writer.add_rope_scaling_yarn_log_mul(rope["mscale_all_dim"])
        if rope.get("llama_4_scaling_beta"):
            writer.add_float32(f"{writer.arch}.attention.temperature_scale", rope["llama_4_scaling_beta"])
    if kind == "longrope":
        trained = getattr(config, "original_max_position_embeddings", None) or rope["original_max_position_embeddings"]
        factor = config.max_position_embeddings / trained
        writer.add_rope_scaling_orig_ctx_len(trained)
        writer.add_rope_scaling_attn_factors(
            1.0 if factor <= 1 else float(numpy.sqrt(1 + numpy.log(factor) / numpy.log(trained))))
        for which in ("long", "short"):
            writer.add_tensor(f"rope_factors_{which}.weight", numpy.array(rope[f"{which}_factor"], numpy.float32))


def add_metadata(writer, config, arch, head_dim):
    def given(name):
        value = getattr(config, name, None)
        return value if value else None

    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    if arch == Arch.GPTNEOX:
        writer.add_layer_norm_eps(config.layer_norm_eps)
        writer.add_parallel_residual(config.use_parallel_residual)
    else:
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if given("sliding_window") and arch in GEMMAS | {Arch.PHI3, Arch.GPT_OSS}:
        writer.add_sliding_window(config.sliding_window)
    if arch == Arch.GEMMA3:
        writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in config.layer_types])
    if arch == Arch.GEMMA2:
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if arch == Arch.GRANITE:
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_logit_scale(config.logits_scaling)
    experts = given("num_local_experts") or given("num_experts")
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
    if given("moe_intermediate_size"):
        writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    if given("shared_expert_intermediate_size"):
        writer.add_expert_shared_feed_forward_length(config.shared_expert_intermediate_size)
    writer.add_bos_token_id(config.bos_token_id)
    writer.add_eos_token_id(config.eos_token_id)


def split_gpt_oss(tensors):
    """Gates and ups lie interleaved and [experts, in, out] in the checkpoint, each by itself and [out, in] in the file."""
    out = {}
    for name, tensor in tensors.items():
        base, _, kind = name.rpartition(".")
        matrix = tensor.transpose(1, 2) if kind in ("gate_up_proj", "down_proj") else tensor
        part = "bias" if kind.endswith("_bias") else "weight"
        if kind.startswith("gate_up_proj"):
            out[f"{base}.gate_proj.{part}"], out[f"{base}.up_proj.{part}"] = matrix[:, ::2], matrix[:, 1::2]
        elif kind.startswith("down_proj"):
            out[f"{base}.down_proj.{part}"] = matrix
        else:
            out[f"{name}.weight" if kind == "sinks" else name] = tensor
    return out


# The package's table has no dense layers in architectures with experts.
DENSE = {"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def gguf_name(names, name):
    found = names.get_name(name, try_suffixes=(".weight", ".bias"))
    layer, _, inner = name.removeprefix("model.layers.").partition(".")
    base, _, part = inner.rpartition(".")
    return found or (f"blk.{layer}.{DENSE[base]}.{part}" if base in DENSE else None)


def stacked_experts(tensors):
    """experts.N.x -> one tensor [experts, ...] under the name of the whole."""
    out, parts = {}, {}
    for name, tensor in tensors.items():
        before, found, behind = name.partition(".experts.")
        number, _, rest = behind.partition(".")
        if found and number.isdigit():
            parts.setdefault(f"{before}.experts.{rest}", {})[int(number)] = tensor
        else:
            out[name] = tensor
    for name, by_number in parts.items():
        out[name] = torch.stack([by_number[i] for i in range(len(by_number))])
    return out


def write(folder, out, arch):
    config = transformers.AutoConfig.from_pretrained(folder)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer = gguf.GGUFWriter(out, gguf.MODEL_ARCH_NAMES[arch])
    add_metadata(writer, config, arch, head_dim)
    add_rope(writer, config, head_dim)
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    tensors = {}
    for shard in sorted(folder.glob("model*.safetensors")):
        tensors |= load_file(shard)
    if arch == Arch.GPT_OSS:
        tensors = split_gpt_oss(tensors)
    for name, tensor in stacked_experts(tensors).items():
        theirs = gguf_name(names, name)
        if folder.name in METADATA_ONLY and theirs != "token_embd.weight":
            continue
        if theirs is None:
            raise SystemExit(f"{folder.name}: no GGUF name for {name}")
        add_tensor(writer, theirs, converted(name, tensor, arch, head_dim))
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# One layer's matrices, [rows, columns] and type.
TYPED = {
    "token_embd": (96, 256, Type.Q4_1), "output": (96, 256, Type.Q5_1),
    "blk.0.attn_q": (32, 256, Type.Q2_K), "blk.0.attn_k": (16, 256, Type.Q3_K), "blk.0.attn_v": (16, 256, Type.Q4_K),
    "blk.0.attn_output": (256, 32, Type.Q5_0), "blk.0.ffn_gate": (32, 256, Type.Q5_K),
    "blk.0.ffn_up": (32, 256, Type.Q6_K), "blk.0.ffn_down": (256, 32, Type.Q8_0),
    "blk.1.attn_q": (32, 256, Type.MXFP4), "blk.1.attn_k": (16, 256, Type.F16), "blk.1.attn_v": (16, 256, Type.BF16),
    "blk.1.attn_output": (256, 32, Type.Q4_0), "blk.1.ffn_gate": (32, 256, Type.F32),
    "blk.1.ffn_up": (32, 256, Type.Q8_0), "blk.1.ffn_down": (256, 32, Type.Q4_0),
}
# Where the float16 scales of a block stand, for the types that the package does not quantise to.
SCALES = {Type.Q2_K: (80, 82), Type.Q3_K: (108,), Type.Q4_K: (0, 2), Type.Q5_K: (0, 2), Type.Q6_K: (208,)}


def drawn(rows, columns, kind, random):
    """Blocks of this type, as they lie in the file."""
    if kind not in SCALES:
        numbers = random.standard_normal((rows, columns)).astype(numpy.float32) * (1.6 / columns ** 0.5)
        return numbers if kind == Type.F32 else gguf.quants.quantize(numbers, kind)
    block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (rows * columns // block, block_bytes), dtype=numpy.uint8)
    scale = {Type.Q2_K: 0.004, Type.Q3_K: 0.0008, Type.Q4_K: 0.0003, Type.Q5_K: 0.00015, Type.Q6_K: 0.00005}[kind]
    for at in SCALES[kind]:
        values = (scale * random.uniform(0.5, 1.5, len(blocks))).astype(numpy.float16)
        blocks[:, at:at + 2] = values.view(numpy.uint8).reshape(-1, 2)
    return blocks.reshape(rows, -1)


def write_types(out):
    config = transformers.LlamaConfig(
        vocab_size=96, hidden_size=256, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, max_position_embeddings=256, bos_token_id=0, eos_token_id=1)
    random = numpy.random.default_rng(3)
    writer = gguf.GGUFWriter(out, "llama")
    add_metadata(writer, config, Arch.LLAMA, 16)
    add_rope(writer, config, 16)
    model = transformers.LlamaForCausalLM._from_config(config, attn_implementation="eager").eval()
    names = gguf.get_tensor_name_map(Arch.LLAMA, 2)
    for name, parameter in model.named_parameters():
        theirs = names.get_name(name, try_suffixes=(".weight",))
        if parameter.dim() == 1:
            numbers = 1 + 0.2 * random.standard_normal(parameter.shape).astype(numpy.float32)
            writer.add_tensor(theirs, numbers)
        else:
            rows, columns, kind = TYPED[theirs.removesuffix(".weight")]
            raw = drawn(rows, columns, kind, random)
            writer.add_tensor(theirs, raw, raw_dtype=kind)
            numbers = gguf.quants.dequantize(raw, kind)
        value = torch.from_numpy(numbers.astype(numpy.float32))
        if "q_proj" in name or "k_proj" in name:  # back from the order of the file
            value = value.reshape(-1, 8, 2, value.shape[1]).transpose(1, 2).reshape(value.shape)
        parameter.data = value.reshape(parameter.shape).contiguous()
    finish(writer)
    prompt = logits_golden.prompt_of(96, 60, seed=60)
    logits = logits_golden.logits_of(model, prompt)
    return {"prompt": prompt, "logits": [[float(f"{x:.7g}") for x in row] for row in logits[-3:].tolist()],
            "max_abs_logit": logits.abs().max().item()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "tests/golden/models")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/golden/gguf")
    parser.add_argument("names", nargs="*", help="only these (default: all that are there)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, arch in MODELS.items():
        folder = args.models / name
        if (args.names and name not in args.names) or not folder.exists():
            continue
        write(folder, args.out / f"{name}.gguf", arch)
        print(f"{name:16} {(args.out / f'{name}.gguf').stat().st_size:8} bytes")
    if not args.names or "types" in args.names:
        golden = write_types(args.out / "types.gguf")
        (args.out / "types.json").write_text(json.dumps(golden) + "\n")
        print(f"types            max|logit| {golden['max_abs_logit']:.3f}")


if __name__ == "__main__":
    main()
