#!/usr/bin/env python3
"""Compare two builds of the program by the processor time of a command, which other work on the machine lengthens least.

usage: alternate.py BUILD_A BUILD_B N_PAIRS N_RUNS COMMAND…      COMMAND: as after `backplane`

BUILD_A and BUILD_B are build folders (bin/backplane, lib/backplane/plugins). Of the N_RUNS runs of a build in a pair, in turns with the
other's, the shortest counts. Prints B / A of each pair, and their median. Threads that spin while they wait count as working: give the
CPU plugin one (--set plugin.cpu.threads=1).
"""
import os, statistics, subprocess, sys


def processor_seconds(build, args):
    process = subprocess.Popen([os.path.join(build, "bin", "backplane"), *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{build}: {' '.join(args)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


def main():
    a, b, n_pairs, n_runs, args = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
    ratios = []
    for i in range(n_pairs):
        least = {a: float("inf"), b: float("inf")}
        for j in range(n_runs):
            for build in [a, b] if (i + j) % 2 == 0 else [b, a]:
                least[build] = min(least[build], processor_seconds(build, args))
        ratios.append(least[b] / least[a])
        print(f"pair {i}: A {least[a]:.3f} s, B {least[b]:.3f} s, B / A {ratios[-1]:.4f}", flush=True)
    print(f"median B / A {statistics.median(ratios):.4f}, {min(ratios):.4f} to {max(ratios):.4f}")


if __name__ == "__main__":
    main()
