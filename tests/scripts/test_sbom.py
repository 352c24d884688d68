#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bill of materials of a build names every library that the program loads and every plugin by its bytes.
usage: test_sbom.py BUILD"""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

source = pathlib.Path(__file__).resolve().parents[2]
build = pathlib.Path(sys.argv[1]).resolve()


def written():
    done = subprocess.run([source / "scripts/sbom.py", "--build", build], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


text = written()
bill = json.loads(text)
assert bill["spdxVersion"] == "SPDX-2.3"

packages = {p["name"]: p for p in bill["packages"]}
assert packages["kvhost"]["licenseDeclared"] == "Apache-2.0"
assert re.fullmatch(r"2\.\d+\.\d+.*", packages["torch"]["versionInfo"]), packages["torch"]

loaded = re.findall(r"=> (/\S+)", subprocess.run(["ldd", build / "bin/kvhost"], capture_output=True, text=True).stdout)
assert len(loaded) > 10
torch = next(pathlib.Path(x).parent for x in loaded if x.endswith("/libtorch_cpu.so"))
for library in loaded:
    if pathlib.Path(library).parent == torch:
        assert pathlib.Path(library).name in packages["torch"]["comment"], library
assert packages["libc6"]["versionInfo"] in subprocess.run(["dpkg-query", "-W", "libc6"], capture_output=True, text=True).stdout
wheels = [x for x in loaded if pathlib.Path(x).is_relative_to(torch.parents[1]) and pathlib.Path(x).parent != torch]
for library in wheels:
    assert any(pathlib.Path(library).name in p.get("comment", "") for p in packages.values() if "Wheel" in p["SPDXID"]), library
system = {os.path.realpath(x) for x in loaded if pathlib.Path(x).parent != torch} - {os.path.realpath(x) for x in wheels}
owned = set()
for name in packages:
    listed = subprocess.run(["dpkg", "-L", name], capture_output=True, text=True).stdout.split()
    owned |= {os.path.realpath(x) for x in listed if ".so" in x}
assert system <= owned, sorted(system - owned)

files = {f["fileName"]: f for f in bill["files"]}
plugins = sorted((build / "lib/kvhost/plugins/1").glob("*.so"))
assert len(plugins) > 40, len(plugins)
for file in [build / "bin/kvhost", *plugins]:
    entry = files["./" + str(file.relative_to(build))]
    digests = {c["algorithm"]: c["checksumValue"] for c in entry["checksums"]}
    assert digests["SHA256"] == hashlib.sha256(file.read_bytes()).hexdigest(), file

missing = subprocess.run([source / "scripts/sbom.py", "--build", source / "docs"], capture_output=True, text=True)
assert missing.returncode == 1 and missing.stderr.count("\n") == 1 and "run make build" in missing.stderr, missing.stderr
