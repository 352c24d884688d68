# SPDX-License-Identifier: Apache-2.0
"""Folders as kvpress's evaluate.py writes them (config.yaml by yaml.dump, predictions.csv by pandas, metrics.json by json),
for the test of `kvhost results import-kvpress`. The figures are invented: the test is about reading, not about results.

usage: kvpress_results.py [OUT]      default tests/golden/kvpress_results
"""
import json
import sys
from pathlib import Path

import pandas
import yaml

ROOT = Path(__file__).resolve().parent.parent


def config(**given):
    """EvaluationConfig of kvpress 0.5, as asdict() gives it."""
    usual = dict(dataset="ruler", data_dir="4096", model="meta-llama/Meta-Llama-3.1-8B-Instruct", device=None,
                 press_name="knorm", compression_ratio=1.0, key_channel_compression_ratio=None, threshold=None,
                 fraction=1.0, max_new_tokens=None, max_context_length=None, query_aware=False, needle_depth=None,
                 compression_interval=None, target_size=None, hidden_states_buffer_size=None, output_dir="./results",
                 log_level="INFO", model_kwargs={"attn_implementation": "flash_attention_2", "dtype": "auto"},
                 press_init_command="KnormPress(compression_ratio=0.5)", seed=42, fp8=False)
    return {**usual, **given}


def write(folder, settings, metrics, tasks):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.dump(settings, default_flow_style=False, indent=2, sort_keys=False))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    answers = [f'row {i}, "quoted",\nsecond line' for i in range(len(tasks))]
    frame = pandas.DataFrame({"answer": answers, "task": tasks, "predicted_answer": answers})
    frame.to_csv(folder / "predictions.csv", index=False)


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "golden/kvpress_results"
    model = "meta-llama--Meta-Llama-3.1-8B-Instruct"
    tasks = ["niah_single_1"] * 3 + ["vt"] * 2
    write(out / f"ruler__4096__{model}__snapkv__0.50", config(press_name="snapkv", compression_ratio=0.5),
          {"niah_single_1": {"string_match": 66.67}, "vt": {"string_match": 41.5}}, tasks)
    write(out / f"ruler__4096__{model}__no_press__0.00", config(press_name="no_press", compression_ratio=0.0),
          {"niah_single_1": {"string_match": 100.0}, "vt": {"string_match": 97.25}}, tasks)
    write(out / f"longbench__trec__{model}__knorm__0.25__fraction0.100__query_aware",
          config(dataset="longbench", data_dir="trec", compression_ratio=0.25, fraction=0.1, query_aware=True),
          58.5, ["trec"] * 4)
    write(out / f"aime25__{model}__no_press__0.00",
          config(dataset="aime25", data_dir=None, press_name="no_press", compression_ratio=0.0),
          {"correct": 3, "answered": 25, "accuracy": 0.1, "total": 30}, ["aime25"] * 2)


if __name__ == "__main__":
    main()
