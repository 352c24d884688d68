# SPDX-License-Identifier: Apache-2.0
"""How fast this machine reads memory with a number of threads, in bytes a second: the bound on decoding.

python bench/read_bandwidth.py [--threads 2]
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

MEGABYTES = 256  # of each thread: far beyond any cache


def read_bandwidth(threads=2, repeats=7):
    """The best of `repeats`: each thread sums its own array, NumPy letting go of the interpreter's lock."""
    arrays = [np.ones(MEGABYTES * 2**20 // 8, np.int64) for _ in range(threads)]
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats):
            start = time.perf_counter()
            list(pool.map(np.add.reduce, arrays))
            best = max(best, threads * arrays[0].nbytes / (time.perf_counter() - start))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    print(f"{read_bandwidth(args.threads) / 1e9:.1f} GB/s with {args.threads} threads")


if __name__ == "__main__":
    main()
