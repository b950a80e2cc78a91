//! Archives and Dockerfiles on standard input.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use tar::{EntryType, Header};

use super::{Here, says};
use crate::Outcome;
use crate::need::{Need, trial};

const NEEDS: &[Need] = &[Need::Sandbox];
const PACKERS: &[Need] =
    &[Need::Sandbox, Need::Program("bzip2"), Need::Program("xz"), Need::Program("zstd")];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("contexts::stdin::dockerfile", NEEDS, dockerfile),
        trial("contexts::stdin::silence", NEEDS, silence),
        trial("contexts::stdin::archive", NEEDS, archive),
        trial("contexts::stdin::packed_archives", PACKERS, packed_archives),
        trial("contexts::stdin::owners", NEEDS, owners),
        trial("contexts::stdin::hostile_archives", NEEDS, hostile_archives),
    ]
}

/// A member of an archive: its name, its kind, and its content or where it leads.
type Member<'a> = (&'a str, EntryType, &'a str);

/// A tar of these members, however odd, owned by 1000:1001.
pub(super) fn packed(members: &[Member<'_>]) -> Result<Vec<u8>, Failed> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, text) in members {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(if kind.is_dir() { 0o755 } else { 0o640 });
        header.set_mtime(1_600_000_000);
        header.set_uid(1000);
        header.set_gid(1001);
        let is_link = matches!(kind, EntryType::Link | EntryType::Symlink);
        let body = if is_link { "" } else { *text };
        header.set_size(body.len() as u64);
        if is_link {
            header.set_link_name(text)?;
        }
        // The library would refuse some of these names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, body.as_bytes())?;
    }
    Ok(builder.into_inner()?)
}

const GOOD: &[Member<'_>] = &[
    ("./", EntryType::Directory, ""),
    ("./Dockerfile", EntryType::Regular, "FROM scratch\nCOPY . /all/\n"),
    ("./dir/Dockerfile", EntryType::Regular, "FROM scratch\nCOPY dir /dir/\n"),
    ("./dir/a.txt", EntryType::Regular, "a\n"),
    ("./dir/hard", EntryType::Link, "./dir/a.txt"),
    ("./link", EntryType::Symlink, "/etc/passwd"),
    (".dockerignore", EntryType::Regular, "dir\n"),
];

fn dockerfile() -> Outcome {
    let here = Here::new()?;
    here.build_from(b"FROM scratch\nCOPY <<EOF /x\nx\nEOF\n", &["-"])?.expect(0)?;
    here.holds(&[("/x", "x\n")])?;
    let done = here.build_from(b"FROM scratch\nCOPY x /\n", &["-"])?.expect(1)?;
    says(&done, &["COPY x /"])?;
    let done = here.build_from(b"FROM scratch\n", &["-f", "x", "-"])?.expect(2)?;
    says(&done, &["standard input is the Dockerfile"])?;
    let done = here.build_from(b"FROM scratch\n", &["-f", "-", "-"])?.expect(2)?;
    says(&done, &["cannot be both"])?;
    here.build_from(b"", &["-"])?.expect(1).map(drop)
}

/// Ctrl-C is heard while nothing comes, before the first byte and behind it.
fn silence() -> Outcome {
    for start in [&b""[..], b"FROM scratch\n", &packed(GOOD)?[..2048]] {
        let here = Here::new()?;
        let mut command = here.command(&["-"])?;
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut build = command.spawn()?;
        let mut stdin = build.stdin.take().ok_or("no standard input")?;
        stdin.write_all(start)?;
        // The store is there shortly before signals are heard.
        let deadline = Instant::now() + Duration::from_secs(20);
        while !here.dfc.home().join("store.db").exists() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        thread::sleep(Duration::from_millis(300));
        Command::new("kill").args(["-INT", &build.id().to_string()]).status()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            match build.try_wait()? {
                Some(status) => break status,
                None if deadline < Instant::now() => {
                    build.kill()?;
                    return Err("still there".into());
                }
                None => thread::sleep(Duration::from_millis(20)),
            }
        };
        drop(stdin);
        if status.code() != Some(130) {
            return Err(format!("ended with {status}").into());
        }
        here.nothing_left()?;
    }
    Ok(())
}

fn archive() -> Outcome {
    let here = Here::new()?;
    let bytes = packed(GOOD)?;
    let done = here.build_from(&bytes, &["-"])?.expect(0)?;
    here.holds(&[("/all/dir/a.txt", "a\n")])?;
    if here.image()?.tree()?.text("/all/link").is_some() {
        return Err("a link out of the context was followed".into());
    }
    says(&done, &["load build context from standard input"])?;
    let again = here.build_from(&bytes, &["-"])?.expect(0)?;
    says(&again, &["CACHED"])?;
    here.build_from(&bytes, &["-f", "dir/Dockerfile", "-"])?.expect(0)?;
    here.holds(&[("/dir/a.txt", "a\n")])?;
    let done = here.build_from(&bytes, &["-f", "../dir/nothing", "-"])?.expect(1)?;
    says(&done, &["there is no such file in the build context"])?;
    here.nothing_left()
}

/// What packs archives, and its flags.
const PROGRAMS: [(&str, &str); 4] =
    [("gzip", "-c"), ("bzip2", "-c"), ("xz", "-c"), ("zstd", "-qc")];

fn packed_archives() -> Outcome {
    let here = Here::new()?;
    let plain = packed(GOOD)?;
    for (program, flag) in PROGRAMS {
        let mut command = Command::new(program);
        command.arg(flag).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        child.stdin.take().ok_or("no standard input")?.write_all(&plain)?;
        let bytes = child.wait_with_output()?.stdout;
        here.build_from(&bytes, &["-"])?.expect(0)?;
        here.holds(&[("/all/dir/a.txt", "a\n")])?;
        let done = here.build_from(&bytes[..bytes.len() / 2], &["-"])?.expect(1)?;
        says(&done, &["the archive is broken"])?;
        here.nothing_left()?;
    }
    Ok(())
}

/// As with BuildKit, owners in an archive stay; those of a folder would not.
fn owners() -> Outcome {
    let here = Here::new()?;
    let bytes = packed(&[
        ("Dockerfile", EntryType::Regular, "FROM scratch\nCOPY a /a\nCOPY --chown=5 a /b\n"),
        ("a", EntryType::Regular, "a\n"),
    ])?;
    let out = here.path("out.tar");
    let flag = format!("type=tar,dest={}", out.display());
    here.build_from(&bytes, &["-o", &flag, "-"])?.expect(0)?;
    let mut found = Vec::new();
    for member in tar::Archive::new(std::fs::File::open(&out)?).entries()? {
        let member = member?;
        let name = member.path()?.to_string_lossy().trim_matches(['.', '/']).to_owned();
        found.push((name, member.header().uid()?, member.header().gid()?));
    }
    found.sort();
    let want = [("a".to_owned(), 1000, 1001), ("b".to_owned(), 5, 5)];
    if found == want { Ok(()) } else { Err(format!("{found:?}").into()) }
}

fn hostile_archives() -> Outcome {
    let here = Here::new()?;
    let dockerfile = ("Dockerfile", EntryType::Regular, "FROM scratch\nCOPY . /\n");
    let regular = EntryType::Regular;
    for (member, words) in [
        (("../outside", regular, "x"), "lies outside"),
        (("a/../../outside", regular, "x"), "lies outside"),
        (("hard", EntryType::Link, "../../etc/passwd"), "a hard link to something outside"),
        (("hard", EntryType::Link, "/etc/passwd"), "not there"),
        (("null", EntryType::Char, ""), "a device"),
        (("disk", EntryType::Block, ""), "a device"),
        (("pipe", EntryType::Fifo, ""), "a named pipe"),
    ] {
        let done = here.build_from(&packed(&[dockerfile, member])?, &["-"])?.expect(1)?;
        says(&done, &[words])?;
        here.nothing_left()?;
    }
    // One that says it holds more than any disk, and one that ends in the middle.
    let mut huge = packed(&[dockerfile, ("huge", regular, "x")])?;
    let mut header = Header::from_byte_slice(&huge[1024..1536]).clone();
    header.set_size(1 << 46);
    header.set_cksum();
    huge[1024..1536].copy_from_slice(header.as_bytes());
    let done = here.build_from(&huge, &["-"])?.expect(1)?;
    says(&done, &["the archive is broken", "more than"])?;
    let cut = packed(&[dockerfile, ("cut", regular, &"x".repeat(5000))])?;
    let done = here.build_from(&cut[..3000], &["-"])?.expect(1)?;
    says(&done, &["ends in the middle"])?;
    here.nothing_left()
}
