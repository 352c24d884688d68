# SPDX-License-Identifier: Apache-2.0
"""llama.cpp on one GGUF file: milliseconds to read a prompt and to generate a token, as JSON on stdout.

    .venv-llama/bin/python bench/llama_speed.py --model FILE.gguf --tokens-file IDS.json --n-prompt 4096 --flash on

The low-level calls of llama-cpp-python, so that no Python stands between two tokens but one call. The tokens generated
are not sampled: the next ids of the file are read, which costs llama.cpp nothing that a sampler would.
"""

import argparse
import ctypes
import json
import re
import time
from pathlib import Path
from statistics import median

import llama_cpp

FLASH = {"off": 0, "on": 1}  # llama_flash_attn_type
silent = llama_cpp.llama_log_callback(lambda level, text, data: None)


def open_model(path):
    llama_cpp.llama_log_set(silent, None)
    llama_cpp.llama_backend_init()
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = 0
    model = llama_cpp.llama_load_model_from_file(str(path).encode(), params)
    if not model:
        raise SystemExit(f"llama_speed: {path}: llama.cpp cannot load it")
    return model


def open_context(model, n_ctx, n_batch, threads, flash):
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = n_ctx, n_batch, n_batch
    params.n_threads = params.n_threads_batch = threads
    params.flash_attn_type = FLASH[flash]
    context = llama_cpp.llama_new_context_with_model(model, params)
    if not context:
        raise SystemExit(f"llama_speed: no context of {n_ctx} tokens, flash attention {flash}")
    return context


def read(context, ids):
    """Milliseconds for one call over `ids`; the logits are those of the last token."""
    tokens = (llama_cpp.llama_token * len(ids))(*ids)
    start = time.perf_counter()
    code = llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(tokens, len(ids)))
    llama_cpp.llama_synchronize(context)
    if code != 0:
        raise SystemExit(f"llama_speed: llama_decode gave {code}")
    return 1000 * (time.perf_counter() - start)


def read_prompt(context, ids, n_batch):
    return sum(read(context, ids[i : i + n_batch]) for i in range(0, len(ids), n_batch))


def rss_peak_bytes():
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens-file", required=True)
    parser.add_argument("--n-prompt", type=int, required=True)
    parser.add_argument("-n", "--n-new", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--flash", choices=list(FLASH), default="on")
    args = parser.parse_args()
    ids = json.loads(Path(args.tokens_file).read_text())
    if len(ids) < args.n_prompt + args.n_new:
        raise SystemExit(f"llama_speed: {args.tokens_file}: {len(ids)} ids, expected {args.n_prompt + args.n_new}")
    model = open_model(args.model)
    context = open_context(model, args.n_prompt + args.n_new, args.batch, args.threads, args.flash)
    read(context, ids[:1])  # pages of the file, and buffers, are there before the clock starts
    read(context, ids[:8])
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
    prefill_ms = read_prompt(context, ids[: args.n_prompt], args.batch)
    steps = [read(context, [i]) for i in ids[args.n_prompt : args.n_prompt + args.n_new]]
    print(
        json.dumps(
            {
                "llama_cpp_python": llama_cpp.__version__,
                "system": ctypes.string_at(llama_cpp.llama_print_system_info()).decode(),
                "prefill_ms": prefill_ms,
                "tpot_ms": sum(steps[1:]) / len(steps[1:]),
                "tpot_median_ms": median(steps[1:]),
                "rss_peak_bytes": rss_peak_bytes(),
            }
        )
    )


if __name__ == "__main__":
    main()
