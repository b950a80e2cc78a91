//! `dfc fmt` over files, folders and standard input.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use libtest_mimic::Trial;

use crate::Outcome;
use crate::cases::workspace;
use crate::dfc::{Dfc, Done};
use crate::scratch;

/// A trial for each question.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("format::a_file_of_everything", golden),
        Trial::test("format::folders_in_place", folders),
        Trial::test("format::what_cannot_be_formatted_stays", mistakes),
        Trial::test("format::many_files_are_told_of_in_order", order),
        Trial::test("format::examples_of_the_manual_are_true", manual),
    ]
}

fn golden() -> Outcome {
    let text = fs::read_to_string(workspace().join("fixtures/format/mixed.Dockerfile"))?;
    let done = from_stdin(&["fmt", "-"], text.as_bytes())?;
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(workspace().join("fixtures/format"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("mixed", done.stdout));
    let again = from_stdin(&["fmt", "-"], done.stdout.as_bytes())?;
    if again.stdout != done.stdout || done.status != Some(0) {
        return Err(format!("formatted again: {}", again.stdout).into());
    }
    Ok(())
}

fn folders() -> Outcome {
    let folder = scratch::fresh("fmt-")?;
    let root = folder.path();
    fs::create_dir(root.join("a"))?;
    let files = [
        ("Dockerfile", "from  a\n", "FROM a\n"),
        ("a/web.Dockerfile", "FROM a\nENV b c\n", "FROM a\nENV b=c\n"),
        ("a/Containerfile", "FROM a\n", "FROM a\n"),
        ("a/other", "from  a\n", "from  a\n"),
    ];
    for (name, before, _) in files {
        fs::write(root.join(name), before)?;
    }
    fs::write(root.join("dfc.toml"), "[fmt]\nwidth = 40\nindent = 2\n")?;
    fs::set_permissions(root.join("Dockerfile"), fs::Permissions::from_mode(0o640))?;
    let dfc = Dfc::new()?;
    let run = |args: &[&str]| -> Result<Done, libtest_mimic::Failed> {
        Ok(Done::from(dfc.command(args)?.current_dir(root).output()?))
    };
    let check = run(&["fmt", "--check"])?;
    if (check.status, check.stdout.as_str()) != (Some(1), "Dockerfile\na/web.Dockerfile\n") {
        return Err(format!("--check: {check:?}").into());
    }
    let diff = run(&["fmt", "--diff", "a"])?;
    if diff.status != Some(1) || !diff.stdout.ends_with(" FROM a\n-ENV b c\n+ENV b=c\n") {
        return Err(format!("--diff: {diff:?}").into());
    }
    let done = run(&["fmt"])?;
    if done.status != Some(0) || !done.stderr.contains("Formatted 2 of 3 files.") {
        return Err(format!("{done:?}").into());
    }
    for (name, _, after) in files {
        let found = fs::read_to_string(root.join(name))?;
        if found != after {
            return Err(format!("{name}: {found}").into());
        }
    }
    let mode = fs::metadata(root.join("Dockerfile"))?.permissions().mode();
    if mode & 0o777 != 0o640 {
        return Err(format!("the mode is {mode:o}").into());
    }
    let clean = run(&["fmt", "--check", "--diff"])?;
    if (clean.status, clean.stdout.as_str()) != (Some(0), "") {
        return Err(format!("formatted: {clean:?}").into());
    }
    // The settings of the folder hold for standard input, too.
    let long = "FROM a\nRUN aaaaaaaaaaaaaaaaaaaa && bbbbbbbbbbbbbbbbbb\nENV c=ddddddddddddddddd eeeeeeeeeeee=ffff\n";
    let mut command = dfc.command(["fmt", "-"])?;
    let wanted = "FROM a\nRUN aaaaaaaaaaaaaaaaaaaa\\\n && bbbbbbbbbbbbbbbbbb\nENV c=ddddddddddddddddd \\\n  eeeeeeeeeeee=ffff\n";
    let found = fed(command.current_dir(root), long.as_bytes())?.stdout;
    if found != wanted { Err(found.into()) } else { Ok(()) }
}

fn mistakes() -> Outcome {
    for (text, said) in [
        (&b"from  a\nRUNN b\n"[..], "unknown instruction: RUNN"),
        (b"from  a\n# \xff\n", "no UTF-8"),
    ] {
        let folder = scratch::fresh("fmt-")?;
        let file = folder.path().join("Dockerfile");
        fs::write(&file, text)?;
        let done = Dfc::new()?.run([std::ffi::OsStr::new("fmt"), file.as_os_str()])?;
        if done.status != Some(1) || !done.stderr.contains(said) || fs::read(&file)? != text {
            return Err(format!("{done:?}").into());
        }
        let done = from_stdin(&["fmt", "-"], text)?;
        if done.status != Some(1) || done.stdout != String::from_utf8_lossy(text) {
            return Err(format!("{done:?}").into());
        }
    }
    Ok(())
}

/// Files are formatted side by side, and standard input goes in its turn.
fn order() -> Outcome {
    let folder = scratch::fresh("fmt-")?;
    let names: Vec<String> = (100..160).map(|number| format!("{number}.Dockerfile")).collect();
    for name in &names {
        // Every tenth one is formatted already, every seventh one cannot be.
        let number: usize = name[..3].parse()?;
        let keyword = if number.is_multiple_of(10) { "FROM" } else { "from" };
        let last = if number.is_multiple_of(7) { "\nRUNN x\n" } else { "\n" };
        fs::write(folder.path().join(name), format!("{keyword} a{last}"))?;
    }
    let number = |name: &&String| name[..3].parse::<usize>().unwrap_or_default();
    let changed: Vec<&String> =
        names.iter().filter(|it| number(it) % 10 > 0 && number(it) % 7 > 0).collect();
    let mut told = String::new();
    changed.iter().for_each(|name| told.push_str(&format!("{name}\n")));
    let mut command = Dfc::new()?.command(["fmt", "--check", ".", "-"])?;
    let done = fed(command.current_dir(folder.path()), b"from a\n")?;
    let places: Vec<usize> =
        names.iter().filter_map(|name| done.stderr.find(&format!("{name}:2"))).collect();
    if done.stdout != format!("{told}-\n") || !places.is_sorted() || places.len() != 8 {
        return Err(format!("{done:?}").into());
    }
    let mut command = Dfc::new()?.command(["fmt"])?;
    let done = Done::from(command.current_dir(folder.path()).output()?);
    for name in &names {
        let text = fs::read_to_string(folder.path().join(name))?;
        let stays = number(&name) % 10 > 0 && !changed.contains(&name);
        if text.starts_with("from") != stays {
            return Err(format!("{name}: {text}\n{done:?}").into());
        }
    }
    Ok(())
}

/// A block of the page comes out as the one behind it, which is marked `dockerfile,formatted`; one alone stays.
fn manual() -> Outcome {
    let page = fs::read_to_string(workspace().join("docs/fmt.md"))?;
    let mut blocks: Vec<(&str, String)> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let body = lines.by_ref().take_while(|line| *line != "```");
            blocks.push((kind, body.map(|line| format!("{line}\n")).collect()));
        }
    }
    let mut pairs = 0;
    for (number, (kind, text)) in blocks.iter().enumerate() {
        let next = blocks.get(number + 1).filter(|(next, _)| *next == "dockerfile,formatted");
        let wanted = match (*kind, next) {
            ("dockerfile", Some((_, next))) => next,
            ("dockerfile" | "dockerfile,formatted", _) => text,
            _ => continue,
        };
        pairs += usize::from(wanted != text);
        let done = from_stdin(&["fmt", "-"], text.as_bytes())?;
        if done.stdout != *wanted {
            return Err(format!("{text}becomes\n{}", done.stdout).into());
        }
    }
    if pairs == 0 { Err("docs/fmt.md has no examples".into()) } else { Ok(()) }
}

fn from_stdin(args: &[&str], text: &[u8]) -> Result<Done, libtest_mimic::Failed> {
    fed(&mut Dfc::new()?.command(args)?, text)
}

fn fed(command: &mut std::process::Command, text: &[u8]) -> Result<Done, libtest_mimic::Failed> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().ok_or("standard input is a pipe")?;
    stdin.write_all(text)?;
    drop(stdin);
    Ok(Done::from(child.wait_with_output()?))
}
