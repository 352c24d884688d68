# SPDX-License-Identifier: Apache-2.0
"""How fast this machine reads memory with a number of threads, in bytes a second: the bound on decoding.

python bench/read_bandwidth.py [--threads 2]

Measured again and again for some seconds. On a virtual machine whose processors share a core at times and at times do
not, the two states read at speeds that differ by as much as two to one: the best bounds every program, the median says
what there is most of the time.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import numpy as np

MEGABYTES = 256  # of each thread: far beyond any cache


def read_speeds(threads=2, repeats=20, pause=0.3):
    """Bytes a second, `repeats` times: each thread sums its own array, NumPy letting go of the interpreter's lock."""
    arrays = [np.ones(MEGABYTES * 2**20 // 8, np.int64) for _ in range(threads)]
    speeds = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats):
            start = time.perf_counter()
            list(pool.map(np.add.reduce, arrays))
            speeds.append(threads * arrays[0].nbytes / (time.perf_counter() - start))
            time.sleep(pause)
    return speeds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    speeds = read_speeds(args.threads)
    print(f"{max(speeds) / 1e9:.1f} GB/s at best, {median(speeds) / 1e9:.1f} in the median, with {args.threads} threads")


if __name__ == "__main__":
    main()
