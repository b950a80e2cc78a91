//! Repositories as contexts, as named contexts, and in ADD.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use super::repository::{Repositories, WHEN};
use super::server::{Asked, Server, answer, file, repositories};
use super::{Here, says};
use crate::Outcome;
use crate::dfc::Done;
use crate::image::text;
use crate::need::{Need, trial};

const NEEDS: &[Need] = &[Need::Sandbox, Need::Program("git")];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("contexts::git::references", NEEDS, references),
        trial("contexts::git::asked_no_more_than_needed", NEEDS, asked_no_more_than_needed),
        trial("contexts::git::submodules", NEEDS, submodules),
        trial("contexts::git::git_folder", NEEDS, git_folder),
        trial("contexts::git::dumb_server", NEEDS, dumb_server),
        trial("contexts::git::tokens", NEEDS, tokens),
        trial("contexts::git::ssh", NEEDS, ssh),
        trial("contexts::git::daemon", NEEDS, daemon),
        trial("contexts::git::refused", NEEDS, refused),
        trial("contexts::git::no_settings_of_the_user", NEEDS, no_settings_of_the_user),
        trial("contexts::git::epoch", NEEDS, epoch),
        trial("contexts::git::named", NEEDS, named),
        trial("contexts::git::add", NEEDS, add),
        trial("contexts::git::explain", NEEDS, explain),
    ]
}

fn served(all: &Repositories) -> Result<Server, Failed> {
    let folder = all.path();
    Ok(Server::start(move |asked, to| repositories(&folder, asked, to))?)
}

/// Whether something was fetched, and not only listed.
fn is_fetch(asked: &Asked) -> bool {
    let command = b"command=fetch";
    asked.body.windows(command.len()).any(|window| window == command)
}

fn references() -> Outcome {
    let all = Repositories::new()?;
    let server = served(&all)?;
    let here = Here::new()?;
    let commit = &all.first;
    for (behind, file) in [
        ("", "/all/dir/a.txt"),
        ("#main", "/all/mod/inner"),
        ("#refs/heads/main", "/all/mod/inner"),
        ("#light", "/all/dir/a.txt"),
        ("#v1", "/all/dir/a.txt"),
        ("#v1:dir", "/dir/a.txt"),
        ("?tag=v1&subdir=dir", "/dir/a.txt"),
        ("?branch=main", "/all/mod/inner"),
        (&format!("#{commit}"), "/all/dir/a.txt"),
        (&format!("?tag=v1&checksum={}", &commit[..9]), "/all/dir/a.txt"),
        (&format!("?commit={commit}&fetch-by-commit=true"), "/all/dir/a.txt"),
    ] {
        let url = server.url("/repo.git") + behind;
        here.build(&[&url])?.expect(0)?;
        let tree = here.image()?.tree()?;
        if !tree.contains(file) || tree.contains("/all/.git") {
            return Err(format!("{url}: not the tree that it should be").into());
        }
    }
    // A file of the repository, whatever its .dockerignore says; another Dockerfile in it.
    let url = server.url("/repo.git#light");
    here.build(&["-f", "dir/Dockerfile", &url])?.expect(0)?;
    here.holds(&[("/dir/dir/a.txt", "a\n")])
}

fn asked_no_more_than_needed() -> Outcome {
    let mut all = Repositories::new()?;
    let server = served(&all)?;
    let here = Here::new()?;
    let fixed = server.url(&format!("/repo.git#{}", all.first));
    here.build(&[&fixed])?.expect(0)?;
    if !server.asked().iter().any(is_fetch) {
        return Err("nothing was fetched".into());
    }
    here.build(&[&fixed])?.expect(0)?;
    if !server.asked().is_empty() {
        return Err("a commit that is known was asked for".into());
    }
    // Another name for the same commit.
    here.build(&[&server.url("/repo.git#v1")])?.expect(0)?;
    let asked = server.asked();
    if asked.is_empty() || asked.iter().any(is_fetch) {
        return Err("the commit of a tag was fetched again".into());
    }
    let branch = server.url("/repo.git#main");
    here.build(&[&branch])?.expect(0)?;
    all.add("new", "new\n")?;
    here.build(&[&branch])?.expect(0)?;
    here.holds(&[("/all/new", "new\n")])?;
    here.nothing_left()
}

fn submodules() -> Outcome {
    let all = Repositories::new()?;
    let server = served(&all)?;
    let here = Here::new()?;
    here.build(&[&server.url("/repo.git")])?.expect(0)?;
    here.holds(&[("/all/mod/inner", "inner\n")])?;
    here.build(&[&server.url("/repo.git?submodules=false")])?.expect(0)?;
    if here.image()?.tree()?.contains("/all/mod/inner") {
        return Err("there is a submodule that was not wanted".into());
    }
    for url in ["ext::sh -c touch% ran", "file:///etc", "/etc"] {
        all.move_submodule(url)?;
        let done = here.build(&[&server.url("/repo.git")])?.expect(1)?;
        says(&done, &["cannot fetch"])?;
    }
    here.nothing_left()
}

fn git_folder() -> Outcome {
    let all = Repositories::new()?;
    let server = served(&all)?;
    let here = Here::new()?;
    let url = server.url_of("me:hidden", "/repo.git#v1");
    for args in [
        vec!["--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", &url],
        vec![&server.url_of("me:hidden", "/repo.git?tag=v1&keep-git-dir")],
    ] {
        here.build(&args)?.expect(0)?;
        let tree = here.image()?.tree()?;
        let config = tree.text("/all/.git/config").unwrap_or_default();
        if !config.contains("/repo.git") || config.contains("hidden") {
            return Err(format!("the settings in .git are\n{config}").into());
        }
        if !tree.contains("/all/.git/HEAD") || tree.contains("/all/.git/FETCH_HEAD") {
            return Err(".git is not what it should be".into());
        }
    }
    Ok(())
}

/// A server of files: git finds out itself what it needs.
fn dumb_server() -> Outcome {
    let all = Repositories::new()?;
    let folder = all.path();
    let server = Server::start(move |asked, to| {
        match fs::read(folder.join(asked.path.trim_start_matches('/'))) {
            Ok(bytes) => file(asked, to, &bytes),
            Err(_) => answer(to, 404, &[], b""),
        }
    })?;
    let here = Here::new()?;
    here.build(&[&server.url("/repo.git#v1")])?.expect(0)?;
    here.holds(&[("/all/dir/a.txt", "a\n")])?;
    here.build(&[&server.url(&format!("/repo.git#{}", all.main))])?.expect(0)?;
    here.holds(&[("/all/mod/inner", "inner\n")])
}

/// The header that a token becomes, for the token `sesame`.
const OF_TOKEN: &str = "basic eC1hY2Nlc3MtdG9rZW46c2VzYW1l";

fn tokens() -> Outcome {
    let all = Repositories::new()?;
    let folder = all.path();
    let server = Server::start(move |asked, to| {
        let known = [OF_TOKEN, "basic bWU6c2VzYW1l", "bearer sesame"];
        match asked.header("authorization") {
            Some(header) if known.contains(&header) => repositories(&folder, asked, to),
            Some(_) | None => answer(to, 401, &[("WWW-Authenticate", "Basic realm=\"x\"")], b""),
        }
    })?;
    let here = Here::new()?;
    let url = server.url("/repo.git#light");
    let done = here.build(&[&url])?.expect(1)?;
    says(&done, &["cannot fetch", "help: give a token with --secret id=GIT_AUTH_TOKEN"])?;
    let host = server.url("").replace("http://", "");
    for (id, value) in [
        ("GIT_AUTH_TOKEN".to_owned(), "sesame"),
        (format!("GIT_AUTH_TOKEN.{host}"), "sesame\n"),
        ("GIT_AUTH_HEADER".to_owned(), "bearer sesame"),
        (format!("GIT_AUTH_HEADER.{host}"), "bearer sesame"),
    ] {
        let here = Here::new()?;
        let secret = format!("id={id},env=TOKEN");
        let mut command = here.command(&["--secret", &secret, &url])?;
        let done = Done::from(command.env("TOKEN", value).output()?).expect(0)?;
        hidden(&here, &done.stderr)?;
    }
    let here = Here::new()?;
    let done = here.build(&[&server.url_of("me:sesame", "/repo.git#light")])?.expect(0)?;
    hidden(&here, &done.stderr)
}

/// Fails if a password was said or kept.
fn hidden(here: &Here, said: &str) -> Outcome {
    if said.contains("sesame") {
        return Err(format!("it says the password:\n{said}").into());
    }
    here.has_not("sesame")
}

/// By ssh: an `ssh` on the PATH that is asked for what is on this machine, and tells how it was called.
fn ssh() -> Outcome {
    let all = Repositories::new()?;
    let here = Here::new()?;
    let folder = here.path("bin");
    fs::create_dir_all(&folder)?;
    let (program, log) = (folder.join("ssh"), here.path("log"));
    let script = format!(
        "#!/bin/sh\necho \"$* $SSH_AUTH_SOCK\" >> {}\nfor last; do :; done\nexec sh -c \"$last\"\n",
        log.display()
    );
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let path = format!("{}:{}", folder.display(), std::env::var("PATH")?);
    let repository = all.path().join("repo.git");
    for context in [
        format!("ssh://somebody:hidden@host.invalid{}#light", repository.display()),
        format!("somebody@host.invalid:{}#v1", repository.display()),
    ] {
        let mut command = here.command(&[&context])?;
        command.env("PATH", &path).env("SSH_AUTH_SOCK", "/its/agent");
        Done::from(command.output()?).expect(0)?;
        here.holds(&[("/all/dir/a.txt", "a\n")])?;
    }
    let called = fs::read_to_string(&log)?;
    for words in ["-F /dev/null", "BatchMode=yes", "somebody@host.invalid", "/its/agent"] {
        if !called.contains(words) {
            return Err(format!("ssh was not called with `{words}`:\n{called}").into());
        }
    }
    if called.contains("hidden") { Err(called.into()) } else { here.has_not("hidden") }
}

/// By git's own protocol.
fn daemon() -> Outcome {
    let all = Repositories::new()?;
    let here = Here::new()?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let base = format!("--base-path={}", all.path().display());
    let port_flag = format!("--port={port}");
    let mut command = Command::new("git");
    command.args(["daemon", "--listen=127.0.0.1", "--export-all", &port_flag, &base]);
    let mut server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(20));
    }
    let built = here.build(&[&format!("git://127.0.0.1:{port}/repo.git#v1:dir")]);
    // Its children end when it does.
    Command::new("kill").arg(server.id().to_string()).status()?;
    server.wait()?;
    built?.expect(0)?;
    here.holds(&[("/dir/a.txt", "a\n")])
}

fn refused() -> Outcome {
    let all = Repositories::new()?;
    let server = served(&all)?;
    let here = Here::new()?;
    for (context, status, words) in [
        (server.url("/repo.git#nothing"), 1, "does not contain ref nothing"),
        (server.url("/repo.git#light:nothing"), 1, "has no folder `nothing`"),
        (server.url("/repo.git#light:link"), 1, "has no folder `link`"),
        (server.url("/repo.git#light:.git"), 1, "has no folder `.git`"),
        (server.url("/repo.git#--upload-pack=x"), 1, "no name of a branch"),
        (server.url("/repo.git?tag=v1&commit=abcdef"), 1, "expected checksum to match abcdef"),
        (server.url("/repo.git?what=1"), 2, "unexpected query \"what\""),
        (server.url("/nobody.git"), 1, "cannot fetch"),
        ("file:///repo.git".to_owned(), 2, "nothing that can be fetched"),
        ("ext::sh -c true".to_owned(), 2, "nothing that can be fetched"),
    ] {
        let done = here.build(&[&context])?.expect(status)?;
        says(&done, &[words])?;
    }
    here.nothing_left()
}

/// Neither hooks nor settings nor helpers of the user's run.
fn no_settings_of_the_user() -> Outcome {
    let all = Repositories::new()?;
    let server = served(&all)?;
    let here = Here::new()?;
    let home = here.path("user");
    fs::create_dir_all(&home)?;
    let (program, trace) = (home.join("program"), home.join("ran"));
    fs::write(&program, format!("#!/bin/sh\necho \"$0 $*\" >> {}\nexit 1\n", trace.display()))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let program = program.display();
    let settings = format!(
        "[core]\n\tfsmonitor = {program}\n\tsshCommand = {program}\n\tgitProxy = {program}\n\
         \thooksPath = {}\n[credential]\n\thelper = {program}\n[filter \"x\"]\n\tsmudge = {program}\n\
         [url \"ext::{program} \"]\n\tinsteadOf = http://\n",
        home.display()
    );
    fs::write(home.join(".gitconfig"), settings)?;
    let mut command = here.command(&[&server.url("/repo.git#light")])?;
    command.env("HOME", &home).env("GIT_ASKPASS", program.to_string());
    command
        .env("GIT_SSH_COMMAND", program.to_string())
        .env("GIT_EXTERNAL_DIFF", program.to_string());
    Done::from(command.output()?).expect(0)?;
    if trace.exists() {
        return Err(format!("a program of the user's ran: {}", fs::read_to_string(trace)?).into());
    }
    Ok(())
}

/// SOURCE_DATE_EPOCH may be that of the commit; the same image comes out of another store.
fn epoch() -> Outcome {
    let all = Repositories::new()?;
    let server = served(&all)?;
    let mut digests = Vec::new();
    for _ in 0..2 {
        let here = Here::new()?;
        let url = server.url("/repo.git#light");
        here.build(&["--build-arg", "SOURCE_DATE_EPOCH=context", &url])?.expect(0)?;
        let created = text(&here.image()?.config()?["created"]);
        if created != "2020-09-13T12:26:40Z" {
            return Err(format!("made at {created}, and not {WHEN}").into());
        }
        digests.push(here.image()?.digest()?);
    }
    if digests[0] != digests[1] {
        return Err("another image".into());
    }
    let here = Here::new()?;
    let url = server.url("/repo.git#light");
    here.build(&["--verify", "--build-arg", "SOURCE_DATE_EPOCH=context", &url])?.expect(0)?;
    let dockerfile = here.path("Dockerfile");
    let url = server.url("/repo.git#light");
    fs::write(
        &dockerfile,
        format!("FROM scratch AS time\nADD {url} /\nFROM scratch\nWORKDIR /w\n"),
    )?;
    let folder = here.folder.path().to_string_lossy();
    here.build(&["--build-arg", "SOURCE_DATE_EPOCH=time", &folder])?.expect(0)?;
    let created = text(&here.image()?.config()?["created"]);
    if created == "2020-09-13T12:26:40Z" { Ok(()) } else { Err(created.into()) }
}

fn named() -> Outcome {
    let all = Repositories::new()?;
    let server = served(&all)?;
    let here = Here::new()?;
    let text =
        "FROM scratch AS replaced\nCOPY nothing /\nFROM scratch\nCOPY --from=replaced dir /x/\n";
    fs::write(here.path("Dockerfile"), text)?;
    let folder = here.folder.path().to_string_lossy().into_owned();
    let context = format!("replaced={}", server.url("/repo.git#v1"));
    here.build(&["--build-context", &context, &folder])?.expect(0)?;
    here.holds(&[("/x/a.txt", "a\n")])
}

fn add() -> Outcome {
    let all = Repositories::new()?;
    let server = served(&all)?;
    let here = Here::new()?;
    let url = server.url("/repo.git");
    let checksum = &all.first[..10];
    let text = format!(
        "FROM scratch\nADD {url}#v1 /g/\nADD --keep-git-dir=true {url}#light /kept/\n\
         ADD --checksum={checksum} {url}#light:dir /dir/\n"
    );
    fs::write(here.path("Dockerfile"), text)?;
    let folder = here.folder.path().to_string_lossy().into_owned();
    here.build(&[&folder])?.expect(0)?;
    here.holds(&[("/g/dir/a.txt", "a\n"), ("/dir/a.txt", "a\n")])?;
    let tree = here.image()?.tree()?;
    if !tree.contains("/kept/.git/HEAD") || tree.contains("/g/.git") {
        return Err("`.git` is where it should not be, or not where it should be".into());
    }
    Ok(())
}

fn explain() -> Outcome {
    let all = Repositories::new()?;
    let server = served(&all)?;
    let here = Here::new()?;
    let url = server.url("/repo.git#light");
    let before = here.dfc.run(["explain", &url])?.expect(0)?;
    here.build(&[&url])?.expect(0)?;
    let after = here.dfc.run(["explain", &url])?.expect(0)?;
    let shown = |done: &Done| done.stdout.contains("COPY . /all/");
    if !shown(&before) || !shown(&after) || before.stdout == after.stdout {
        return Err(format!("before:\n{}\nafter:\n{}", before.stdout, after.stdout).into());
    }
    Ok(())
}
