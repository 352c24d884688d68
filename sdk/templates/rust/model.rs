// SPDX-License-Identifier: @license@
//! In kvhost: its checks of a plugin, and what is kept of the bundled text, beside what was kept when golden/kept.json was
//! written (KVHOST_GOLDEN=write). KVHOST names the program where it is not in PATH; where it is not at all, nothing is
//! tested here, and that is said.
use std::path::PathBuf;
use std::process::{Command, Output};

fn program() -> String {
    std::env::var("KVHOST").unwrap_or_else(|_| "kvhost".into())
}
fn is_there() -> bool {
    let there = Command::new(program()).arg("--version").output().is_ok();
    if !there {
        eprintln!("no {}; expected kvhost in PATH, or KVHOST to name it", program());
    }
    there
}
/// The library, built as it is now: `cargo test` alone makes none that can be opened.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap(); // target/<profile>/deps/model-...
    let folder = test.ancestors().nth(2).unwrap();
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.args(["build", "--offline", "--lib", "--target-dir"]).arg(folder.parent().unwrap());
    let built = cargo.args(if cfg!(debug_assertions) { None } else { Some("--release") }).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    folder.join("lib@name@.so")
}
fn kvhost(words: &[&str]) -> Output {
    let output = Command::new(program()).args(words).output().unwrap();
    assert!(output.status.success(), "kvhost {words:?}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn validate() {
    if is_there() {
        kvhost(&["validate", library().to_str().unwrap(), "--without-model"]);
    }
}

#[test]
fn kept_in_a_model() {
    if !is_there() {
        return;
    }
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/kept.json");
    let kept = library().with_file_name("kept.json");
    kvhost(&["run", "--plugin-path", library().parent().unwrap().to_str().unwrap(), "--press", "@press@", "--dtype", "float32",
             "--threads", "1", "--max-prompt-tokens", "300", "--min-entries", "0", "-n", "8", "--quiet",
             "--dump-keep", kept.to_str().unwrap()]);
    if std::env::var("KVHOST_GOLDEN").map_or(false, |word| word == "write") {
        std::fs::copy(&kept, &golden).unwrap();
    }
    if golden.exists() {
        assert!(std::fs::read(&golden).unwrap() == std::fs::read(&kept).unwrap(), "{kept:?} is not {golden:?}");
    }
}
