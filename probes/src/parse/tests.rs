//! The fixtures of the parser, their beginnings, and what becomes of them when bytes are changed.

use grammar::{Parse, SourceFile, parse};

use super::check;
use crate::saved;

fn all_fixtures() -> Vec<SourceFile> {
    let folders = ["parse/ok", "parse/err"];
    let files = folders.into_iter().flat_map(|folder| saved::files(folder, "dockerfile"));
    files.map(|(name, bytes)| SourceFile::from_bytes(name, &bytes)).collect()
}

#[test]
fn places_are_places_of_the_file() {
    all_fixtures().iter().for_each(check);
}

#[test]
fn every_beginning_of_a_file_can_be_parsed() {
    for file in all_fixtures() {
        let bytes = file.text().as_bytes();
        for end in (0..bytes.len().min(200)).chain((200..bytes.len().min(3000)).step_by(7)) {
            check(&SourceFile::from_bytes(file.name(), &bytes[..end]));
        }
    }
}

#[test]
fn files_with_changed_bytes_can_be_parsed() {
    const INTERESTING: &[u8] = b"\\`$${}'\"<<-/:#%\n\r\t =[],\x00\x85\xa0\xc3\xef\xbb\xbf\xffAaFR0";
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for file in all_fixtures() {
        for _ in 0..30 {
            let mut bytes = file.text().as_bytes().to_vec();
            for _ in 0..=next(4) {
                let byte = INTERESTING[next(INTERESTING.len())];
                let at = next(bytes.len());
                match next(3) {
                    0 => bytes.insert(at, byte),
                    1 => drop(bytes.remove(at)),
                    _ => bytes[at] = byte,
                }
            }
            check(&SourceFile::from_bytes(file.name(), &bytes));
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for open in ["${a:-", "\"${a:-", "${a/", "${a/x/", "${a:-'}'${b/}"] {
        for close in ["", "}", "\"}", "/}"] {
            let text = format!("ENV x={}{}", open.repeat(3_000), close.repeat(3_000));
            let file = SourceFile::new("deep", text.replace("${a", "\\\n${a"));
            check(&file);
        }
    }
    let brackets = "[".repeat(60_000);
    for text in [format!("CMD {brackets}"), brackets, "ONBUILD ".repeat(8_000)] {
        check(&SourceFile::new("deep", text));
    }
}

#[test]
fn large_files_are_refused_soon() {
    for text in ["\0\x01".repeat(1 << 20), "a\n".repeat(1 << 20), "x".repeat(4 << 20)] {
        let file = SourceFile::new("large", text);
        let Parse { tree, diagnostics } = parse(&file);
        assert!(
            !diagnostics.is_empty() && diagnostics.len() < 1000 && tree.statements.len() < 1000
        );
    }
}
