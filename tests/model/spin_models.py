#!/usr/bin/env python3
"""spin_models.py MODEL: searches all states of MODEL.pml with SPIN, then again with each fault that
the model can seed (the words behind "faults that must be found" in its head comment), which must be
found. Prints how many states were searched."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MOST_STEPS = "100000"


def seeded_faults(text):
    """The names of the faults, as the head comment lists them."""
    listed = re.search(r"fault that must be found:(.*?)\.\s", text, re.S)
    if listed is None:
        sys.exit("the model names no fault that must be found")
    names = re.findall(r"[A-Z_]{4,}", listed.group(1))
    for name in names:
        if not re.search(rf"#\s*ifn?def {name}\b", text):
            sys.exit(f"the model names the fault {name} and does not have it")
    return names


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def search(model, settings):
    """(number of errors, number of states, what SPIN printed); the search must have been whole."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(model, folder)
        run(["spin", "-a", *settings, model.name], folder)
        run(["cc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048", "-o", "pan", "pan.c"], folder)
        printed = run(["./pan", f"-m{MOST_STEPS}"], folder)
        if "error: max search depth too small" in printed:
            sys.exit(f"the search was cut at {MOST_STEPS} steps")
        errors = int(re.search(r"errors: (\d+)", printed).group(1))
        states = int(re.search(r"(\d+) states, stored", printed).group(1))
        if errors:
            printed += run(["spin", "-t", "-p", "-g", *settings, model.name], folder)
        return errors, states, printed


def main():
    model = HERE / f"{sys.argv[1]}.pml"
    errors, states, printed = search(model, [])
    if errors:
        sys.exit(f"{model.name} does not hold:\n{printed}")
    print(f"{model.name}: holds in all {states} states")
    for fault in seeded_faults(model.read_text(encoding="utf-8")):
        errors, states, _ = search(model, [f"-D{fault}"])
        if not errors:
            sys.exit(f"{model.name}: the seeded fault {fault} was not found in {states} states")
        print(f"{model.name}: {fault} found")


if __name__ == "__main__":
    main()
