#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what a built kvhost is made of as an SPDX 2.3 document (JSON): the program and its plugins by SHA-256, the
libraries it loads and the headers it was compiled with by Debian package and version, libtorch by its wheel, the
shipped models by their licences. The same build gives the same bytes: the date is the commit's (or SOURCE_DATE_EPOCH).

usage: sbom.py [--build build/release] [--out FILE]      (default: standard output)
"""
import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
UNKNOWN = "NOASSERTION"


def fail(message):
    sys.exit(f"sbom: error: {message}")


def output_of(*command, may_fail=False):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 and not may_fail:
        fail(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:] or ['failed']}")
    return done.stdout.strip() if done.returncode == 0 else ""


def spdx_id(kind, name):
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")


def version_of_kvhost():
    found = re.search(r"project\(kvhost VERSION ([0-9.]+)", (SOURCE / "CMakeLists.txt").read_text())
    return found.group(1) if found else fail("CMakeLists.txt: found no project(kvhost VERSION ...); expected one")


def created():
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or output_of("git", "-C", str(SOURCE), "log", "-1", "--format=%ct")
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def built_files(build):
    """The program, the tool that describes plugins, and the plugins."""
    files = [build / "bin/kvhost", build / "bin/kvhost-describe", *sorted((build / "lib/kvhost/plugins/1").glob("*.so"))]
    for file in files:
        if not file.is_file():
            fail(f"{file}: no such file; expected a finished build; run make build")
    return files


def file_entry(build, file):
    data = file.read_bytes()
    name = "./" + str(file.relative_to(build))
    return {"SPDXID": spdx_id("File", name), "fileName": name, "fileTypes": ["BINARY"],
            "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(data).hexdigest()},
                          {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()}],
            "licenseConcluded": "Apache-2.0", "licenseInfoInFiles": [UNKNOWN], "copyrightText": UNKNOWN}


def package(kind, name, version, licence=UNKNOWN, purl="", comment=""):
    entry = {"SPDXID": spdx_id(kind, name), "name": name, "versionInfo": version, "downloadLocation": UNKNOWN,
             "filesAnalyzed": False, "licenseConcluded": UNKNOWN, "licenseDeclared": licence, "copyrightText": UNKNOWN}
    if purl:
        entry["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                  "referenceLocator": purl}]
    if comment:
        entry["comment"] = comment
    return entry


def debian_package(name, comment):
    version = output_of("dpkg-query", "-W", "-f", "${Version}", name, may_fail=True)
    system = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    distribution = system.get("ID", "debian").strip('"')
    purl = f"pkg:deb/{distribution}/{name}@{version.replace('+', '%2B').replace(':', '%3A')}" if version else ""
    return package("Debian", name, version or UNKNOWN, purl=purl,
                   comment=f"{comment}; its licence: /usr/share/doc/{name}/copyright")


def owners_of(libraries):
    """The Debian packages that libraries came from; none for those of the wheel."""
    names = {x for library in libraries for real in [os.path.realpath(library)]
             for x in (library, real, real.removeprefix("/usr"))}
    found = subprocess.run(["dpkg", "-S", *sorted(names)], capture_output=True, text=True).stdout
    return sorted({line.split(":")[0] for line in found.splitlines() if ": /" in line})


def loaded_libraries(program):
    found = re.findall(r"=> (/\S+)", output_of("ldd", str(program)))
    return sorted(found)


def torch_of(libraries):
    folder = next((pathlib.Path(x).parent.parent for x in libraries if x.endswith("/libtorch_cpu.so")), None)
    if folder is None:
        fail("the program loads no libtorch_cpu.so; expected libtorch; is the build whole?")
    version = folder / "version.py"
    found = re.search(r"__version__ = '([^']+)'", version.read_text()) if version.is_file() else None
    name = found.group(1) if found else UNKNOWN
    return package("Wheel", "torch", name, "BSD-3-Clause", f"pkg:pypi/torch@{name.split('+')[0]}" if found else "",
                   "libtorch and what its wheel bundles: " +
                   ", ".join(pathlib.Path(x).name for x in libraries if str(folder) in x))


def other_wheels(libraries):
    """Those beside libtorch's that the program loads from: a CUDA wheel has its runtime in wheels of their own."""
    site = next(pathlib.Path(x).parents[2] for x in libraries if x.endswith("/libtorch_cpu.so"))
    inside = {str(pathlib.Path(x).relative_to(site)) for x in libraries if pathlib.Path(x).is_relative_to(site)}
    for record in sorted(site.glob("*.dist-info/RECORD")):
        name, version = record.parent.name.removesuffix(".dist-info").split("-")
        files = {line.split(",")[0] for line in record.read_text().splitlines()} & inside
        if files and name != "torch":
            yield package("Wheel", name, version, purl=f"pkg:pypi/{name}@{version}",
                          comment="loaded at run time: " + ", ".join(sorted(pathlib.Path(x).name for x in files)))


def build_packages():
    """Debian packages of the headers that setup.sh installs."""
    listed = re.findall(r"^([a-z0-9+.-]+-dev)\|", (SOURCE / "scripts/setup.sh").read_text(), re.M)
    return [debian_package(name, "compiled in, or its library is linked") for name in listed]


def models():
    for folder in sorted((SOURCE / "models").iterdir()):
        if (folder / "config.json").is_file():
            yield package("Model", folder.name, version_of_kvhost(), "Apache-2.0", comment="model shipped with kvhost")


def document(build):
    files = [file_entry(build, file) for file in built_files(build)]
    libraries = loaded_libraries(build / "bin/kvhost")
    owners = owners_of(libraries)
    linked = [debian_package(name, "loaded at run time") for name in owners] + [torch_of(libraries), *other_wheels(libraries)]
    compiled = [p for p in build_packages() if p["name"] not in owners]
    shipped = list(models())
    kvhost = package("Package", "kvhost", version_of_kvhost(), "Apache-2.0")
    code = hashlib.sha1("".join(sorted(f["checksums"][0]["checksumValue"] for f in files)).encode()).hexdigest()
    kvhost |= {"primaryPackagePurpose": "APPLICATION", "filesAnalyzed": True, "licenseInfoFromFiles": [UNKNOWN],
               "packageVerificationCode": {"packageVerificationCodeValue": code}}

    def relate(left, kind, right):
        return {"spdxElementId": left["SPDXID"], "relationshipType": kind, "relatedSpdxElement": right["SPDXID"]}

    relations = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                  "relatedSpdxElement": kvhost["SPDXID"]}]
    relations += [relate(kvhost, "CONTAINS", x) for x in files + shipped]
    relations += [relate(kvhost, "DYNAMIC_LINK", x) for x in linked]
    relations += [relate(x, "BUILD_DEPENDENCY_OF", kvhost) for x in compiled]
    digest = hashlib.sha256("".join(f["checksums"][1]["checksumValue"] for f in files).encode()).hexdigest()
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"kvhost-{version_of_kvhost()}", "documentNamespace": f"urn:kvhost:sbom:{digest}",
            "creationInfo": {"created": created(), "creators": ["Tool: kvhost-scripts/sbom.py"]},
            "packages": [kvhost, *linked, *compiled, *shipped], "files": files, "relationships": relations}


def check(text):
    """What readers of SPDX rely on."""
    ids = [x["SPDXID"] for x in text["packages"] + text["files"]] + [text["SPDXID"]]
    twice = {x for x in ids if ids.count(x) > 1}
    if twice:
        fail(f"{sorted(twice)[0]} is there twice; expected each id once")
    for relation in text["relationships"]:
        for side in ("spdxElementId", "relatedSpdxElement"):
            if relation[side] not in ids:
                fail(f"a relationship names {relation[side]}; expected an element of the document")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build/release")
    parser.add_argument("--out", type=pathlib.Path)
    given = parser.parse_args()
    text = json.dumps(check(document(given.build.resolve())), indent=1) + "\n"
    if given.out:
        partial = given.out.with_name(given.out.name + ".partial")
        partial.write_text(text)
        partial.replace(given.out)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
