//! Puts the pages of the lint rules into the program, for `dfc check --explain`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let folder = root.join("../docs/rules");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    pages.retain(|page| page.extension().is_some_and(|it| it == "md"));
    pages.sort();
    let mut table = String::from("[\n");
    for page in pages {
        let text = fs::read_to_string(&page)?;
        let name = text.lines().next().and_then(|line| line.strip_prefix("# "));
        // The list of all rules has blanks in its title.
        if let Some(name) = name.filter(|name| !name.contains(' ')) {
            let file = page.file_name().expect("a page is a file").to_string_lossy();
            writeln!(table, "    ({name:?}, {file:?}, {text:?}),").expect("a text grows");
        }
    }
    table.push_str("]\n");
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("pages.rs"), table)
}
