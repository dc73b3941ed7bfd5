#!/usr/bin/env python3
"""Runs a command three times, each time ended by another signal once FILE has one more line than at its start (or the run is done), and
then to its end; prints what that run prints. Nothing depends on time: a run that is done before the signal arrives is done.

Usage: interrupted.py FILE COMMAND...    COMMAND keeps its state in FILE
"""
import signal
import subprocess
import sys
import time

state, command = sys.argv[1], sys.argv[2:]


def lines():
    try:
        with open(state, "rb") as file:
            return file.read().count(b"\n")
    except FileNotFoundError:
        return 0


for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
    before = lines()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None and lines() <= before:
            time.sleep(0.002)
        run.send_signal(kind)
        output, errors = run.communicate()
    if run.returncode == 0:
        continue
    # It ends by the signal, as a parent expects; it says where to go on from, and prints no result.
    if run.returncode != -kind:
        sys.exit(f"expects the end by {kind.name}, but got {run.returncode}: {errors}")
    if output or (kind != signal.SIGKILL and "the same command goes on from there" not in errors):
        sys.exit(f"after {kind.name}: {output}{errors}")
sys.exit(subprocess.run(command, check=False).returncode)
