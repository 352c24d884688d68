# SPDX-License-Identifier: Apache-2.0
"""Writes sdk/include/kvhost/layout.h and layout_parts.h from the other headers of the SDK: sizes and offsets of every
struct, as asserts. Run it when a struct is new; of those that are frozen it may only add lines (tests/sdk/abi.sh). It refuses
structs with padding, whose bytes nobody would set.

usage: abi_layout.py [CC]
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "sdk" / "include"
GOLDEN = ROOT / "tests" / "golden" / "sdk" / "abi-1.0.txt"
CORE = ["base.h", "tensor.h", "params.h", "prompt.h", "layer.h", "method.h", "plugin.h"]
PARTS = ["appendix.h", "bias.h", "calibrate.h", "draft.h", "own_budget.h", "passes.h", "sequence.h", "surrogate.h"]
FROZEN = {"kvh_device", "kvh_dtype", "kvh_tensor", "kvh_value", "kvh_prompt_part", "kvh_need", "kvh_range", "kvh_low_rank"}
HEAD = """/* SPDX-License-Identifier: Apache-2.0
 *
 * {what} */
#ifndef {guard}
#define {guard}

"""


def structs_of(header):
    """{name: [field, ...]} in the order of the file."""
    text = re.sub(r"/\*.*?\*/", "", (INCLUDE / "kvhost" / header).read_text(), flags=re.S)
    found = {}
    for match in re.finditer(r"typedef struct (kvh_\w+) \{(.*?)\n\} \1;", text, re.S):
        body = re.sub(r"union \{.*?\} (\w+);", r"int \1;", match.group(2), flags=re.S)
        fields = []
        for declaration in (" ".join(d.split()) for d in body.split(";")):
            function = re.search(r"\(\*(\w+)\)", declaration)
            if function:
                fields.append(function.group(1))
            elif declaration:
                fields += [re.search(r"(\w+)(\[\d+\])?$", d.strip()).group(1) for d in declaration.split(",")]
        found[match.group(1)] = fields
    return found


def measured(structs, compiler):
    """{name: (size, [(field, offset)])}, by the compiler."""
    lines = [f"#include <kvhost/{header}>" for header in ["plugin.h"] + PARTS] + ["#include <stdio.h>", "int main(void) {"]
    for name, fields in structs.items():
        lines.append(f'printf("%s %zu\\n", "{name}", sizeof({name}));')
        for field in fields:
            lines.append(f'printf(". %s %zu %zu\\n", "{field}", offsetof({name}, {field}), sizeof((({name}*)0)->{field}));')
    lines.append("return 0; }")
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder, "layout.c"), pathlib.Path(folder, "layout")
        source.write_text("\n".join(lines))
        command = [compiler, "-std=c11", "-DKVHOST_LAYOUT_H_", f"-I{INCLUDE}", str(source), "-o", str(program)]
        subprocess.run(command, check=True)
        output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    found, end = {}, {}
    for words in (line.split() for line in output.splitlines()):
        if words[0] != ".":
            name, end = words[0], 0
            found[name] = (int(words[1]), [])
            continue
        if int(words[2]) != end:
            sys.exit(f"abi_layout: {name} has padding before {words[1]}; expected a reserved field there")
        end = int(words[2]) + int(words[3])
        found[name][1].append((words[1], int(words[2])))
    for name, (size, fields) in found.items():
        assert fields, name
    return found


def sizes_of_1_0():
    """{constant: size}: what a struct had when 1.0 was frozen stays its size of 1.0, however it has grown since."""
    return dict(re.findall(r"^#define (KVH_\w+_SIZE_1_0) (\d+)u", GOLDEN.read_text(), re.M))


def asserts(structs, layout):
    lines = []
    frozen = sizes_of_1_0()
    for name in structs:
        size, fields = layout[name]
        constant = f"{name.upper()}_SIZE_1_0"
        size = frozen.get(constant, size)
        if name in FROZEN:
            lines += ["", f'KVH_STATIC_ASSERT(sizeof({name}) == {size}, "{name} is frozen");']
        else:
            lines += ["", f"#define {constant} {size}u",
                      f'KVH_STATIC_ASSERT(sizeof({name}) >= {constant}, "{name} only grows");']
        lines += [f"KVH_AT({name}, {field}, {offset});" for field, offset in fields]
    return "\n".join(lines) + "\n"


def write(header, text):
    path = INCLUDE / "kvhost" / header
    if path.read_text() != text:  # everything is built anew that includes it
        path.write_text(text)


def main():
    core = {name: fields for header in CORE for name, fields in structs_of(header).items()}
    parts = {name: fields for header in PARTS for name, fields in structs_of(header).items()}
    layout = measured({**core, **parts}, sys.argv[1] if len(sys.argv) > 1 else "cc")
    text = HEAD.format(guard="KVHOST_LAYOUT_H_",
                       what="The layout of ABI 1.0, which stays in all of 1.x: sizes, against which a reader compares a "
                            "struct_size, and where every\n * field lies. It compiles, or these headers are not of ABI 1. "
                            "The optional parts: layout_parts.h.")
    text += '#include "plugin.h"\n\n#if UINTPTR_MAX != 0xffffffffffffffffu\n'
    text += '#error "kvhost: ABI 1 is for machines of 64 bits; expected one"\n#endif\n\n'
    text += "#define KVH_AT(type, field, offset) \\\n"
    text += '  KVH_STATIC_ASSERT(offsetof(type, field) == (offset), #type "." #field " lies where it always did")\n'
    text += asserts(core, layout) + "\n#endif /* KVHOST_LAYOUT_H_ */\n"
    write("layout.h", text)
    text = HEAD.format(guard="KVHOST_LAYOUT_PARTS_H_",
                       what="The layout of the optional parts, as layout.h has that of the rest.")
    text += '#include "layout.h"\n' + "".join(f'#include "{header}"\n' for header in PARTS)
    text += asserts(parts, layout) + "\n#endif /* KVHOST_LAYOUT_PARTS_H_ */\n"
    write("layout_parts.h", text)


main()
