# SPDX-License-Identifier: Apache-2.0
"""The tasks of host/tasks beside the benchmarks they come from, read from checkouts of their repositories:

    .venv-oracle/bin/python tests/oracle/tasks_compare.py --ruler DIR --longbench DIR/LongBench/config \\
        --kvpress DIR --haystack BOOK.txt

RULER (github.com/NVIDIA/RULER): every prompt of the 13 tasks is its template filled in, needles, chains and counts follow
its rules, its own scorer gives the references full marks. LongBench (github.com/THUDM/LongBench): prompts are its own.
kvpress (github.com/NVIDIA/kvpress): its evaluation scores 200 made-up answers a task of LongBench and of InfiniteBench as
kvhost does. A benchmark whose checkout is not named is not compared.
"""

import argparse
import importlib.util
import json
import random
import subprocess
import tempfile
from pathlib import Path

import metrics_golden as drawn
import ruler_rules

ROOT = Path(__file__).resolve().parents[2]
N_ANSWERS = 200
CHINESE = {"multifieldqa_zh", "dureader", "vcsum"}  # scored in Chinese words: kvhost refuses them


def module(path: Path):
    spec = importlib.util.spec_from_file_location("_".join(path.with_suffix("").parts[-3:]), path)
    out = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(out)
    return out


def sample(program: Path, *words) -> list:
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{program.name} {' '.join(map(str, words))}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def whole(one: dict) -> str:
    return one["context"] + one["question"] + one["answer_prefix"]


def compare_ruler(args, folder: Path) -> None:
    templates = module(args.ruler / "scripts/data/synthetic/constants.py").TASKS
    scorers = module(args.ruler / "scripts/eval/synthetic/constants.py").TASKS
    files = ruler_rules.data(folder)
    for task in ruler_rules.TASKS:
        category = task.split("_")[0]
        kind = ruler_rules.KINDS.get(category, category)
        for length in (1500, 6000) if category == "vt" else (2000, 4500):
            cases = sample(args.sample, "ruler", task, length, 20, 11, args.haystack, *files)
            for one in cases:
                text = whole(one)
                rule, template = ruler_rules.RULES[category], templates[kind]
                rule(one | {"length": length}, text, template["template"] + template["answer_prefix"])
                assert one["max_new_tokens"] == template["tokens_to_generate"]
                assert length - 130 <= len(text.split()) + one["max_new_tokens"] <= length
                assert scorers[kind]["metric_fn"]([" ".join(one["answers"])], [one["answers"]]) == 100
            print(f"RULER {task:16} {length:5} words: {len(cases)} cases as it has them")


def answers(rng: random.Random, references: list, classes: list) -> str:
    said = drawn.near(rng, rng.choice(references + classes))
    return rng.choice(["", " ", "\n", "\n\n"]) + said + rng.choice(["", "\n", " Paragraph 3", "\nmore 42"])


def references(rng: random.Random, metric: str) -> list:
    if metric == "retrieval_score":
        return [f"Paragraph {rng.choice([3, 12])}"]
    if metric == "retrieval_zh_score":
        return [f"段落{rng.choice([5, 12])}"]
    if metric == "count_score":
        return [str(rng.choice([3, 7, 42]))]
    if metric == "classification_score":
        return [rng.choice(drawn.CLASSES)]
    return [drawn.text(rng, 1, 20) for _ in range(rng.randint(1, 3))]


def compare_longbench(args, folder: Path) -> None:
    ours = module(args.kvpress / "evaluation/benchmarks/longbench/calculate_metrics.py")
    prompts = json.loads((args.longbench / "dataset2prompt.json").read_text())
    room = json.loads((args.longbench / "dataset2maxlen.json").read_text())
    rng = random.Random(5)
    for task, metric in ours.dataset2metric.items():
        if task in CHINESE:
            continue
        rows = [{"dataset": task, "context": drawn.text(rng, 3, 9), "input": "" if task == "lcc" else drawn.text(rng, 1, 6),
                 "answers": references(rng, metric.__name__), "all_classes": drawn.CLASSES, "length": 1, "_id": str(i)}
                for i in range(N_ANSWERS)]  # fmt: skip
        said = [answers(rng, r["answers"], drawn.CLASSES if "class" in metric.__name__ else []) for r in rows]
        cases = scored(args, folder, "longbench", task, rows, said)
        for row, one, text in zip(rows, cases, said, strict=True):
            theirs = ours.scorer(task, [text], [row["answers"]], drawn.CLASSES) / 100  # rounded to 4 places
            assert abs(one["score"] - theirs) <= 5.1e-5, (task, row, text, one["score"], theirs)
            expected = prompts[task].replace("{context}", row["context"]).replace("{input}", row["input"])
            if task in ("trec", "triviaqa", "samsum", "lsht"):
                expected += one["answer_prefix"]  # LongBench's rows end with it
            assert whole(one) == expected, (task, whole(one), expected)
            assert one["max_new_tokens"] == room[task], task
        mean = sum(one["score"] for one in cases) / N_ANSWERS
        print(f"LongBench {task:21} {N_ANSWERS} scores as kvpress's (mean {mean:.3f}), prompts as LongBench's")


def scored(args, folder: Path, kind: str, task: str, rows: list, said: list) -> list:
    (folder / f"{task}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (folder / "answers.json").write_text(json.dumps(said))
    return sample(args.sample, kind, folder / f"{task}.jsonl", folder / "answers.json")


DRAWS = {"passkey": drawn.numbers, "number_string": drawn.numbers, "kv_retrieval": drawn.parts,
         "longdialogue_qa_eng": drawn.parts, "code_run": drawn.signed, "math_find": drawn.decimals, "math_calc": drawn.sums,
         "longbook_choice_eng": drawn.letters, "code_debug": drawn.functions}  # fmt: skip


def compare_infinitebench(args, folder: Path) -> None:
    ours = module(args.kvpress / "evaluation/benchmarks/infinite_bench/calculate_metrics.py")
    rng = random.Random(6)
    for task in [*DRAWS, "longbook_qa_eng", "longbook_qa_chn"]:
        rows, said, labels = [], [], []
        while len(rows) < N_ANSWERS:
            if task in DRAWS:
                answer, right = DRAWS[task](rng)
            else:
                right = [drawn.text(rng, 1, 8)]
                answer = drawn.near(rng, right[0])
            label = right
            if task in ("longbook_choice_eng", "code_debug") and len(right) < 2:
                continue
            if task in ("code_run", "math_calc"):
                label = [int(x) for x in right]
            if task == "math_find":
                label = [float(x) if "." in x else int(x) for x in right]
            rows.append({"id": len(rows), "context": "c", "answer": right, "options": list("wxyz"),
                         "input": "The largest number of func_1(2)"})  # fmt: skip
            said.append(answer)
            labels.append(label)
        cases = scored(args, folder, "infinitebench", task, rows, said)
        for one, answer, label in zip(cases, said, labels, strict=True):
            try:
                theirs = ours.get_score_one(answer, label, task, "")
            except ValueError:  # int() of a decimal number
                theirs = 0.0
            assert abs(one["score"] - theirs) < 1e-12, (task, answer, label, one["score"], theirs)
        print(f"InfiniteBench {task:20} {N_ANSWERS} scores as kvpress's")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ruler", type=Path)
    parser.add_argument("--longbench", type=Path, help="the folder with dataset2prompt.json")
    parser.add_argument("--kvpress", type=Path)
    parser.add_argument("--haystack", type=Path, help="plain text of 20000 words or more, such as a book")
    parser.add_argument("--sample", type=Path, default=ROOT / "build/release/tests/host/tasks/task_sample")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.ruler and args.haystack:
            compare_ruler(args, Path(folder))
        if args.kvpress and args.longbench:
            compare_longbench(args, Path(folder))
        if args.kvpress:
            compare_infinitebench(args, Path(folder))


if __name__ == "__main__":
    main()
