#!/usr/bin/env python3
"""Packs what a GPU machine needs to run the tests of the CUDA backend: pack.py FOLDER [--build build] [--shared ../shared] [--cases A,B]

A GPU machine need not have LLVM: models are compiled here. FOLDER gets the tools, the plugin, the models with their answers and, for every
compile that an end-to-end script makes, the artifact for cuda-sm90. There `FOLDER/run.sh` runs the conformance suite and the same end-to-end
scripts with the same bars as on the CPU; in place of ds-compile stands `stored-ds-compile`, which hands out the artifacts in turn. `run.sh -s`
puts compute-sanitizer's memcheck and racecheck around the conformance suite.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHARED = ("tiny-v2-lite", "tiny-v3", "tiny-v3-fp8", "kjv", "kjv-fp8")
HELD_OUT = ("odd-v2", "odd-v3", "tied-v2")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--shared", default=os.path.join(ROOT, "..", "shared"))
    parser.add_argument("--cases", default=",".join(SHARED + HELD_OUT))
    options = parser.parse_args()
    folder, build = os.path.abspath(options.folder), os.path.abspath(options.build)
    sources = sources_of(options.cases.split(","), options.shared)
    os.makedirs(folder)  # a folder that is there is an error: nothing is mixed

    for part in ("bin", "lib", "scripts", "models", "artifacts"):
        os.makedirs(os.path.join(folder, part))
    for program in ("ds-run", "ds-checkpoint", "CudaConformanceTests"):
        strip(os.path.join(build, "bin", program), os.path.join(folder, "bin", program))
    strip(os.path.join(build, "lib", "dsrt_cuda.so"), os.path.join(folder, "lib", "dsrt_cuda.so"))
    shutil.copy(os.path.join(HERE, "stored-ds-compile"), os.path.join(folder, "bin", "ds-compile"))
    shutil.copy(os.path.join(HERE, "run.sh"), folder)
    inputs = os.path.join(ROOT, "test", "end-to-end", "Inputs")
    for script in os.listdir(inputs):
        if script.endswith(".py"):
            shutil.copy(os.path.join(inputs, script), os.path.join(folder, "scripts"))
    shutil.copy(os.path.join(ROOT, "test", "models", "reference.py"), os.path.join(folder, "models"))

    lines = []
    for case, source in sources.items():
        command = ["held_out.py", f"models/{case}"] if case in HELD_OUT else ["shared_model.py", "models", case]
        shutil.copytree(source, os.path.join(folder, "models", case))
        lines.append(" ".join([case, *command]) + "\n")
    with open(os.path.join(folder, "cases"), "w", encoding="utf-8") as file:
        file.writelines(lines)

    # The scripts run here on the CPU, with a ds-compile that compiles each model a second time, for the device.
    for line in lines:
        case, script, *words = line.split()
        with tempfile.TemporaryDirectory() as work:
            tools = os.path.join(work, "tools")
            os.makedirs(tools)
            shim = os.path.join(tools, "ds-compile")
            shutil.copy(os.path.join(HERE, "storing-ds-compile"), shim)
            environment = dict(os.environ, PATH=tools + ":" + os.path.join(build, "bin") + ":" + os.environ["PATH"],
                               DS_COMPILE=os.path.join(build, "bin", "ds-compile"), DS_STORE=os.path.join(folder, "artifacts", case))
            os.makedirs(environment["DS_STORE"])
            command = [sys.executable, os.path.join(folder, "scripts", script), *words, os.path.join(work, "run")]
            os.makedirs(os.path.join(work, "run"))
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"error: {case} does not pass on the CPU:\n{done.stdout}{done.stderr}")
            print(f"{case}: {len(os.listdir(environment['DS_STORE']))} artifacts")


def sources_of(cases, shared):
    """The folder of each model; nothing is written before all are known to be there."""
    sources = {case: os.path.join(ROOT, "test", "models", case) if case in HELD_OUT else os.path.join(shared, "models", case) for case in cases}
    for case, source in sources.items():
        if case not in SHARED + HELD_OUT or not os.path.isdir(source):
            sys.exit(f"error: expects a model among {', '.join(SHARED + HELD_OUT)}, but got {case} in {source}; "
                     "--shared names the folder that has models/, --cases a part of the models")
    if "kjv-fp8" in cases and "kjv" not in cases:
        sys.exit("error: kjv-fp8 is held against the answers of kjv; expects both among --cases")
    return sources


def strip(source, target):
    subprocess.run(["strip", "--strip-unneeded", "-o", target, source], check=True)


if __name__ == "__main__":
    main()
