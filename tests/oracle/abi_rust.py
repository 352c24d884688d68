# SPDX-License-Identifier: Apache-2.0
"""Writes sdk/templates/rust/abi.rs, the plugin ABI as Rust declares it, from the C headers of the SDK; every size and offset of
layout.h becomes an assertion that the Rust compiler checks (rustc 1.63 and later). Run it when a struct or a constant is new;
tests/sdk/rust_abi.sh compares the two.

usage: abi_rust.py
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2] / "sdk"
INCLUDE = ROOT / "include" / "kvhost"
HEADERS = ["base.h", "tensor.h", "params.h", "prompt.h", "layer.h", "spread.h", "method.h", "plugin.h"]  # and those of layout_parts.h
NAMES = {"uint8_t": "u8", "int8_t": "i8", "uint16_t": "u16", "int32_t": "i32", "uint32_t": "u32", "int64_t": "i64",
         "uint64_t": "u64", "float": "f32", "double": "f64", "char": "c_char", "void": "c_void"}
# What an enumerator is compared with; all others with a uint32_t.
CONSTANT_TYPES = {"KVH_OK": "kvh_status", "KVH_E_": "kvh_status", "KVH_PHASE_": "i32", "KVH_DEVICE_": "i32", "KVH_LOG_": "i32",
                  "KVH_DTYPE_": "u8"}
KEYWORDS = {"type", "fn", "impl"}
HEAD = """// SPDX-License-Identifier: Apache-2.0
// The kvhost plugin ABI, 1.0, as the headers in <prefix>/include/kvhost declare it; what everything means is said there.
// Written by kvhost; it is frozen, and the compiler checks that every field lies where ABI 1 has it.
#![allow(non_camel_case_types, dead_code)]

use std::os::raw::{c_char, c_void};

"""
CHECKS = """
// Byte i of MARKS is i, up to 255: what lies at a field tells its offset.
#[repr(C, align(16))]
struct Marks([u8; 2048]);
const MARKS: Marks = {
    let mut marks = [0; 2048];
    let mut i = 0;
    while i < 2048 {
        marks[i] = i as u8;
        i += 1;
    }
    Marks(marks)
};
macro_rules! at {
    ($t:ty, $field:ident, $offset:expr) => {
        const _: () = {
            let place = unsafe { std::ptr::addr_of!((*(&MARKS as *const Marks as *const $t)).$field) };
            assert!(unsafe { *(place as *const u8) } == $offset);
        };
    };
}
macro_rules! size {
    ($t:ty, $bytes:expr) => {
        const _: () = assert!(std::mem::size_of::<$t>() == $bytes);
    };
}
// Of a struct that has grown since 1.0.
macro_rules! size_of_1_0 {
    ($t:ty, $bytes:expr) => {
        const _: () = assert!(std::mem::size_of::<$t>() > $bytes);
    };
}
"""


def text_of(header):
    text = re.sub(r"/\*.*?\*/", "", (INCLUDE / header).read_text(), flags=re.S)
    return text.replace("KVH_NOEXCEPT", "")


def safe(name):
    return f"r#{name}" if name in KEYWORDS else name


def declared(declaration):
    """(name or "", Rust type) of one C declaration."""
    declaration = " ".join(declaration.split())
    function = re.match(r"(.*?)\(\*(\w*)\)\s*\((.*)\)$", declaration)
    if function:
        result = declared(function.group(1))[1]
        arguments = ", ".join(declared(a)[1] for a in split(function.group(3)))
        back = "" if result == "c_void" else f" -> {result}"
        return function.group(2), f'Option<unsafe extern "C" fn({arguments}){back}>'
    match = re.match(r"(const )?(?:struct )?(\w+)((?:\s*\*\s*(?:const)?)*)\s*(\w*)(?:\[(\d+)\])?$", declaration)
    assert match, declaration
    is_const, base, stars, name, count = match.groups()
    rust = NAMES.get(base, base)
    for star in re.findall(r"\*\s*(const)?", stars or ""):
        rust = f"*{'const' if is_const else 'mut'} {rust}"
        is_const = star
    return name, f"[{rust}; {count}]" if count else rust


def split(arguments):
    """Of a list of arguments those of this level."""
    out, depth, begin = [], 0, 0
    for i, c in enumerate(arguments):
        depth += c == "("
        depth -= c == ")"
        if c == "," and depth == 0:
            out.append(arguments[begin:i])
            begin = i + 1
    return out + [arguments[begin:]]


def fields_of(body):
    for declaration in (d.strip() for d in body.split(";")):
        if not declaration:
            continue
        if "(" in declaration:
            yield declared(declaration)
            continue
        first, *more = declaration.split(",")
        yield declared(first)
        for name in more:  # of the same type, which has no pointer then
            yield name.strip(), declared(first)[1]


def struct(name, body):
    union = re.search(r"union \{(.*?)\} (\w+);", body, re.S)
    lines = []
    if union:
        members = "".join(f"    pub {n}: {t},\n" for n, t in fields_of(union.group(1)))
        lines.append(f"#[repr(C)]\n#[derive(Clone, Copy)]\npub union {name}_{union.group(2)} {{\n{members}}}\n")
        body = body.replace(union.group(0), f"{name}_{union.group(2)} {union.group(2)};")
    members = "".join(f"    pub {safe(n)}: {t},\n" for n, t in fields_of(body))
    lines.append(f"#[repr(C)]\n#[derive(Clone, Copy)]\npub struct {name} {{\n{members}}}\n")
    return "\n".join(lines)


def constants(text):
    for body in re.findall(r"^enum \{(.*?)\};", text, re.S | re.M):
        for entry in (e.strip() for e in body.split(",")):
            if not entry:
                continue
            name, value = (part.strip() for part in entry.split("="))
            kind = next((t for prefix, t in CONSTANT_TYPES.items() if name.startswith(prefix)), "u32")
            yield f"pub const {name}: {kind} = {re.sub(r'(?<=[0-9])u', '', value)};"
    for name, value in re.findall(r'^#define (KVH_EXT_\w+) ("[^"]*")', text, re.M):
        yield f'pub const {name}: &str = {value[:-1]}\\0";'
    for name, value in re.findall(r"^#define (KVH_(?:MAGIC|ABI_M\w+|MUST_UNDERSTAND)) (\w+?)u *$", text, re.M):
        yield f"pub const {name}: u32 = {value};"


def layout():
    text = (INCLUDE / "layout.h").read_text() + (INCLUDE / "layout_parts.h").read_text()
    last = dict(re.findall(r"KVH_AT\((\w+), \w+, (\d+)\);", text))
    for line in text.splitlines():
        grows = re.match(r"#define (KVH_\w+)_SIZE_1_0 (\d+)u", line)
        frozen = re.match(r"KVH_STATIC_ASSERT\(sizeof\((\w+)\) == (\d+)", line)
        field = re.match(r"KVH_AT\((\w+), (\w+), (\d+)\);", line)
        if grows:
            name, size = grows.group(1).lower(), grows.group(2)
            grown = int(last[name]) >= int(size)
            yield f"size{'_of_1_0' if grown else ''}!({name}, {size});"
        elif frozen:
            yield f"size!({frozen.group(1)}, {frozen.group(2)});"
        elif field:
            yield f"at!({field.group(1)}, {safe(field.group(2))}, {field.group(3)});"


def main():
    parts = [HEAD, "pub type kvh_status = i32;\n\n"]
    bodies = []
    optional = re.findall(r'#include "(\w+\.h)"', (INCLUDE / "layout_parts.h").read_text())
    for header in HEADERS + [h for h in optional if h != "layout.h"]:
        text = text_of(header)
        parts += [line + "\n" for line in constants(text)]
        bodies += re.findall(r"typedef struct (kvh_\w+) \{(.*?)\n\} \1;", text, re.S)
    for opaque in ("kvh_instance", "kvh_sequence"):
        parts.append(f"\n#[repr(C)]\npub struct {opaque} {{\n    _defined_by_the_plugin: [u8; 0],\n}}\n")
    parts += ["\n" + struct(name, body) for name, body in bodies]
    parts.append(CHECKS)
    parts += [line + "\n" for line in layout()]
    (ROOT / "templates" / "rust" / "abi.rs").write_text("".join(parts))


main()
