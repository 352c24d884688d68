# SPDX-License-Identifier: Apache-2.0
"""`kvhost score` against transformers in float32: the full cache, and evicted ones against a dense masked model.

    .venv-oracle/bin/python tests/oracle/score_compare.py [--kvhost BIN] [--seed N] [--model DIR ...]

Full cache: log-probabilities of the continuation equal the model's to 1e-4. Evicted: the same where transformers runs
densely and hides from the tokens after the context exactly what `--dump-keep` says was dropped. Fresh tiny checkpoints
of four families, the committed tiny ones (GPT-NeoX among them), and the bundled model. Exit 1 above the tolerance.
"""

import json
import random
import shlex
import tempfile
from pathlib import Path

import torch
from common import ROOT, Host, HostError, make_parser, print_table
from masked_model import log_probs
from presses import SNAP, WINDOW
from tiny import FAMILIES, draw_tokens, load_model, make_model

TOLERANCE = 1e-4
PYRAMID = f"pyramidkv(window_size={WINDOW},beta=5):{SNAP}"
PRESSES = [
    "none",
    SNAP,
    f"adakv:{SNAP}",
    "streaming_llm",
    "knorm",
    f"criticalkv:{SNAP}",
    PYRAMID,
    f"rankkv:adakv:{SNAP}",
]


# For the many committed checkpoints, whose variety lies in the model: uniform, ragged over heads, ragged over layers.
FEW_PRESSES = ["none", f"adakv:{SNAP}", PYRAMID]


def checkpoints(host, seed, folders):
    """Yields (name, folder, transformers model): fresh ones first, then what lies in `folders`."""
    for n, family in enumerate(FAMILIES):
        folder = tempfile.mkdtemp(prefix=f"kvhost-{family}-", dir=host.folder)
        make_model(family, seed + n).save_pretrained(folder)
        yield family, folder, load_model(folder)
    for folder in folders:
        yield Path(folder).name, folder, load_model(folder)


def default_folders():
    """The committed tiny checkpoints and the bundled model; one that is missing is an error, not a skip."""
    tiny = sorted(p.parent for p in (ROOT / "tests/golden/models").glob("*/config.json"))
    demo = ROOT / "models/demo"
    if not tiny:
        raise SystemExit("no checkpoints in tests/golden/models; run tests/oracle/make_tiny_models.py")
    if not (demo / "config.json").exists():
        raise SystemExit(f"no bundled model in {demo}")
    return [*tiny, demo]


def host_scores(host, folder, context, continuation, press, budget):
    """-> (log-probabilities, top-1 ids, kept positions or None, command)."""
    files = ["--tokens-file", host.write_tokens(context)]
    options = ["--model", folder, "--press", press, "--dtype", "float32"]
    options += [] if press == "none" else ["--budget", budget]
    follow = ["--continuation-file", host.write_tokens(continuation)]
    score, command = host.run_json(["score", *files, *follow, *options], "--json")
    if press == "none":
        return score, None, command
    keep, _ = host.run_json(["run", *files, *options, "-n", 0], "--dump-keep")
    return score, [layer["kept"] for layer in keep["layers"]], command


def compare(host, folder, model, context, continuation, press, budget):
    """-> (largest absolute error, top-1 agreement, "" or what went wrong)."""
    try:
        score, kept, command = host_scores(host, folder, context, continuation, press, budget)
    except HostError as error:
        return float("inf"), 0.0, str(error)
    expected, top1 = log_probs(model, context, continuation, kept)
    found = torch.tensor(score["logprobs"])
    if found.shape != expected.shape:
        return float("inf"), 0.0, f"{len(found)} log-probabilities, {len(expected)} expected"
    error = float((found - expected).abs().max())
    nll = float(-expected.mean())
    same = sum(a == b for a, b in zip(score["top1"], top1)) / len(top1)
    if abs(score["nll"] - nll) > TOLERANCE:
        return error, same, f"nll {score['nll']}, expected {nll}"
    return error, same, "" if error <= TOLERANCE else shlex.join(command)


def prompt_for(folder, model, rng, n_context, n_follow):
    """Random ids for random weights; for a trained model real words in its own tokens."""
    story = Path(folder) / "prompts/story.json"
    if story.exists():
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
        ids = tokenizer.encode(json.loads(story.read_text())["text"]).ids
        return ids[:n_context], ids[n_context : n_context + n_follow]
    tokens = draw_tokens(n_context + n_follow, model.config.get_text_config().vocab_size, rng.randrange(1 << 30))
    return tokens[:n_context], tokens[n_context:]


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--model", nargs="*", help="checkpoint folders instead of the committed and bundled ones")
    parser.add_argument("--press", nargs="*", help="instead of the built-in selection")
    args = parser.parse_args()
    folders = default_folders() if args.model is None else args.model
    host, rng, rows, problems = Host(args.kvhost), random.Random(args.seed), [], []
    print(f"seed {args.seed}, tolerance {TOLERANCE} on log-probabilities, float32")
    for name, folder, model in checkpoints(host, args.seed, folders):
        context, follow = prompt_for(folder, model, rng, rng.randint(90, 250), rng.randint(20, 60))
        few = Path(folder).parent.name == "models" and name != "demo"
        for press in args.press or (FEW_PRESSES if few else PRESSES):
            budget = rng.randint(24, len(context) // 2)
            error, same, problem = compare(host, folder, model, context, follow, press, budget)
            verdict = "ok" if not problem else "FAIL"
            rows.append([name, press, len(context), budget if press != "none" else "-", len(follow)])
            rows[-1] += [f"{error:.1e}", f"{same:.3f}", verdict]
            if problem:
                problems.append(f"FAIL {name} {press}: {problem}")
    header = ["model", "press", "context", "budget", "scored", "max |error|", "top-1", "verdict"]
    print_table(header, rows)
    print("\n".join(problems[:12]))
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
