# SPDX-License-Identifier: Apache-2.0
"""The other side of `kvhost compare LIB --kvpress PRESS`: reads the same tokens with the same weights in float32 under a press of
kvpress, and says what it scored and what stayed. Runs where kvpress is installed; kvhost carries it and starts it.

usage: kvpress_side.py REQUEST.json      {"model", "tokens", "press": "SnapKVPress(window_size=32)", "n_kept", "out"}
"""
import ast
import json
import sys
from collections import defaultdict
from importlib.metadata import version


def refuse(words):
    """One line, which kvhost shows."""
    print(" ".join(words.split()), file=sys.stderr)
    sys.exit(1)


try:
    import kvpress
    import torch
    from transformers import AutoModelForCausalLM, DynamicCache
except ImportError as error:
    refuse(f"{error} in {sys.executable}; expected a Python with kvpress (scripts/oracle_env.sh makes one)")


def built(node):
    """A press from its text: names of kvpress, literal values, presses inside presses; nothing else is evaluated."""
    if isinstance(node, ast.Name):
        node = ast.Call(func=node, args=[], keywords=[])
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    kind = getattr(kvpress, node.func.id, None) if isinstance(node.func, ast.Name) else None
    if kind is None:
        known = [name for name in dir(kvpress) if name.endswith("Press")]
        refuse(f"found '{ast.unparse(node.func)}'; expected one of {', '.join(known)}")
    return kind(*[built(a) for a in node.args], **{k.arg: built(k.value) for k in node.keywords})


def inside(press):
    """It, and what stands in it."""
    while press is not None:
        yield press
        press = getattr(press, "press", None)


def found_again(full, kept):
    """full: [H, T, d], kept: [H, n, d] -> per head the ascending positions of kept's rows in full."""
    result = []
    for rows, wanted in zip(full, kept):
        places = defaultdict(list)
        for place, row in enumerate(rows.contiguous().numpy()):
            places[row.tobytes()].append(place)
        found = [places[row.tobytes()] for row in wanted.contiguous().numpy()]
        if not all(found):
            refuse("rewrites the keys that it keeps, so that they are not found again; expected a press that leaves them")
        result.append(sorted(same.pop(0) for same in found))
    return result


def unmasked(masked, n_heads, n_tokens):
    """What remains where heads keep different numbers: kvpress masks the others."""
    keep = torch.ones(n_heads, n_tokens, dtype=torch.bool)
    keep[masked[1], masked[2]] = False
    return [row.nonzero()[:, 0].tolist() for row in keep]


def record(press, layers):
    original = press.compress

    def compress(module, hidden_states, keys, values, attentions, kwargs):
        new = original(module, hidden_states, keys, values, attentions, kwargs)
        masked = getattr(module, "masked_key_indices", None)
        kept = found_again(keys[0], new[0][0]) if masked is None else unmasked(masked, keys.shape[1], keys.shape[2])
        module.masked_key_indices = None
        layers[module.layer_idx]["kept"] = kept
        return new

    press.compress = compress
    for part in inside(press):
        if hasattr(part, "score"):
            record_scores(part, layers)
            return


def record_scores(press, layers):
    original = press.score

    def score(module, *args, **kwargs):
        scores = original(module, *args, **kwargs)
        layers[module.layer_idx]["scores"] = scores[0].float().tolist()
        return scores

    press.score = score


def main():
    request = json.load(open(sys.argv[1]))
    tokens, n_kept = request["tokens"], request["n_kept"]
    try:
        press = built(ast.parse(request["press"], mode="eval").body)
    except (SyntaxError, ValueError, TypeError, AssertionError) as error:
        refuse(f"{request['press']}: {error}")
    if not hasattr(press, "compress"):
        refuse(f"{request['press']} is no press; expected SnapKVPress(window_size=32)")
    if hasattr(press, "compression_ratio"):
        press.compression_ratio = 1.0 - (n_kept + 1e-6) / len(tokens)
    observes = any(type(part).__name__ == "ObservedAttentionPress" for part in inside(press))
    model = AutoModelForCausalLM.from_pretrained(
        request["model"], dtype=torch.float32, attn_implementation="eager" if observes else "sdpa").eval()
    layers = defaultdict(dict)
    record(press, layers)
    cache = DynamicCache()
    try:
        with torch.no_grad(), press(model):
            model(torch.tensor([tokens]), past_key_values=cache, use_cache=True)
    except (AssertionError, ValueError, RuntimeError, IndexError, AttributeError) as error:
        refuse(f"{request['press']}: {(str(error).splitlines() or [type(error).__name__])[0]}")
    n_layers = model.config.get_text_config().num_hidden_layers
    n_heads = model.config.get_text_config().num_key_value_heads
    everything = {"kept": [list(range(len(tokens)))] * n_heads}
    answer = {"versions": {name: version(name) for name in ("kvpress", "transformers", "torch")},
              "layers": [{**everything, **layers[i]} for i in range(n_layers)]}
    json.dump(answer, open(request["out"], "w"))


main()
