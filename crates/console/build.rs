//! The dashboard's files are part of the program: it is built again when they are.

use std::path::Path;

fn main() {
    // A folder that is not there would be looked for at every build; `make web` touches this file.
    println!("cargo:rerun-if-changed=build.rs");
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    if files.is_dir() {
        println!("cargo:rerun-if-changed={}", files.display());
    }
}
