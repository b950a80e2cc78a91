//! `RUN --mount` where the machine has a part in it: agents, secrets' owners, and caches that several builds use at
//! the same time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use libtest_mimic::{Failed, Trial};

use super::{NEEDS, same};
use crate::Outcome;
use crate::dfc::Done;
use crate::need::{Need, program, trial};
use crate::project::Project;
use crate::scratch;

pub(super) fn trials() -> Vec<Trial> {
    let ssh: &[Need] = &[
        Need::Sandbox,
        Need::StaticBusybox,
        Need::Program("ssh-agent"),
        Need::Program("ssh-add"),
        Need::Program("ssh-keygen"),
    ];
    vec![
        trial("build::mounts::agent_of_the_user", ssh, agent_of_the_user),
        trial("build::mounts::agent_for_another_user", ssh, agent_for_another_user),
        trial("build::mounts::keys_in_files", ssh, keys_in_files),
        trial("build::mounts::keys_that_cannot_be_used", ssh, bad_keys),
        trial("build::mounts::agent_that_is_missing", NEEDS, missing_agent),
        trial("build::mounts::secret_has_owner_and_mode", NEEDS, secret),
        trial("build::mounts::tmpfs_has_a_size", NEEDS, tmpfs),
        trial("build::mounts::shared_cache_is_seen_by_both", NEEDS, shared),
        trial("build::mounts::private_cache_is_ones_own", NEEDS, private),
        trial("build::mounts::locked_cache_is_for_one_at_a_time", NEEDS, locked),
    ]
}

/// An agent with a key, which ends when the value is dropped.
struct Agent {
    folder: tempfile::TempDir,
    child: Child,
}

impl Agent {
    fn new() -> Result<Agent, Failed> {
        let folder = scratch::fresh("ssh-")?;
        let socket = folder.path().join("s");
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()?;
        let agent = Agent { folder, child };
        while !socket.exists() {
            std::thread::yield_now();
        }
        let key = key(agent.folder.path(), "of-the-agent", "")?;
        let mut add = Command::new("ssh-add");
        add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &socket);
        Done::from(add.output()?).expect(0)?;
        Ok(agent)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key(folder: &Path, name: &str, passphrase: &str) -> Result<PathBuf, Failed> {
    let path = folder.join(name);
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f"]).arg(&path);
    Done::from(make.output()?).expect(0)?;
    Ok(path)
}

/// A project whose RUN asks the agent by the machine's own ssh-add, which comes with all that it is linked with.
fn asking(run: &str) -> Result<Project, Failed> {
    let add = program("ssh-add").ok_or("no ssh-add")?;
    let project = Project::new(&format!(
        "FROM busybox AS tools\nCOPY ssh/ /\nRUN chmod -R a+rX /lib* /usr && \
         echo 'app:x:1000:1000::/:/bin/sh' > /etc/passwd && echo 'root:x:0:0::/:/bin/sh' >> /etc/passwd\n\
         FROM tools\n{run}\n"
    ))?;
    let linked = Done::from(Command::new("ldd").arg(&add).output()?).expect(0)?.stdout;
    let words = linked.split_whitespace().filter(|word| word.starts_with('/'));
    let files = words.map(PathBuf::from).chain([add.clone()]);
    for file in files {
        let name = match file == add {
            true => PathBuf::from("usr/bin/ssh-add"),
            false => file.strip_prefix("/")?.to_owned(),
        };
        let to = project.context().join("ssh").join(name);
        fs::create_dir_all(to.parent().ok_or("a folder")?)?;
        fs::copy(&file, &to)?;
    }
    Ok(project)
}

const LIST: &str = "ssh-add -l > /seen; ls -ln $SSH_AUTH_SOCK | cut -c1-10 > /mode; \
                    stat -c %u:%g $SSH_AUTH_SOCK > /owner; echo $SSH_AUTH_SOCK > /place";

fn build(
    project: &Project,
    flags: &[&str],
    agent: Option<&Path>,
) -> Result<crate::image::Tree, Failed> {
    let archive = project.beside("image.tar");
    let output = format!("type=oci,dest={}", archive.display());
    let mut all = vec!["--output", output.as_str()];
    all.extend(flags);
    let mut command = project.command(&all)?;
    command.env_remove("SSH_AUTH_SOCK");
    if let Some(agent) = agent {
        command.env("SSH_AUTH_SOCK", agent);
    }
    Done::from(command.output()?).expect(0)?;
    crate::image::Layout::read(&archive)?.tree()
}

fn agent_of_the_user() -> Outcome {
    let agent = Agent::new()?;
    let project = asking(&format!("RUN --mount=type=ssh {LIST}"))?;
    let tree = build(&project, &["--ssh", "default"], Some(&agent.socket()))?;
    let seen = tree.text("/seen").unwrap_or_default().to_owned();
    same("key", &seen.contains("of-the-agent (ED25519)"), &true)?;
    same("mode", &tree.text("/mode"), &Some("srw-------\n"))?;
    same("place", &tree.text("/place"), &Some("/run/buildkit/ssh_agent.0\n"))?;
    same("the socket's folder is in the image", &tree.text("/run/buildkit"), &None)
}

/// OpenSSH's agent refuses whoever has another user id, so it must not see who asks.
fn agent_for_another_user() -> Outcome {
    let agent = Agent::new()?;
    let project = asking(&format!(
        "RUN mkdir /w && chown 1000:7 /w\nUSER 1000:7\nRUN \
         --mount=type=ssh,id=mine,target=/w/agent,uid=1000,gid=7,mode=0640 {}",
        LIST.replace("> /", "> /w/")
    ))?;
    let flag = format!("mine={}", agent.socket().display());
    let tree = build(&project, &["--ssh", &flag], None)?;
    let seen = tree.text("/w/seen").unwrap_or_default().to_owned();
    same("key", &seen.contains("of-the-agent (ED25519)"), &true)?;
    same("mode", &tree.text("/w/mode"), &Some("srw-r-----\n"))?;
    same("owner", &tree.text("/w/owner"), &Some("1000:7\n"))?;
    same("place", &tree.text("/w/place"), &Some("/w/agent\n"))
}

fn keys_in_files() -> Outcome {
    let folder = scratch::fresh("keys-")?;
    let (one, two) = (key(folder.path(), "key-one", "")?, key(folder.path(), "key-two", "")?);
    let project = asking(&format!("RUN --mount=type=ssh,required=true {LIST}"))?;
    let flag = format!("default={},{}", one.display(), two.display());
    let tree = build(&project, &["--ssh", &flag], None)?;
    let seen = tree.text("/seen").unwrap_or_default().to_owned();
    same("keys", &(seen.contains("key-one") && seen.contains("key-two")), &true)
}

fn bad_keys() -> Outcome {
    let folder = scratch::fresh("keys-")?;
    let hidden = key(folder.path(), "with-passphrase", "secret")?;
    let project = Project::new("FROM busybox\nRUN --mount=type=ssh true\n")?;
    fs::write(folder.path().join("no-key"), "hello\n")?;
    for (path, word) in [
        (hidden, "it has a passphrase"),
        (folder.path().join("no-key"), "cannot use the key"),
        (folder.path().join("nowhere"), "cannot read"),
    ] {
        let flag = format!("default={}", path.display());
        let done = project.try_build(&["--ssh", &flag])?.expect(1)?;
        same(word, &done.stderr.contains(word), &true)?;
    }
    Ok(())
}

fn missing_agent() -> Outcome {
    let project = Project::new("FROM busybox\nRUN --mount=type=ssh,required=true true\n")?;
    let done = project.try_build(&[])?.expect(1)?;
    same("hint", &done.stderr.contains("give it with --ssh default"), &true)?;
    project.dockerfile("FROM busybox\nRUN --mount=type=ssh [ ! -e /run/buildkit ]\n")?;
    project.try_build(&[])?.expect(0).map(drop)
}

fn secret() -> Outcome {
    let project = Project::new(
        "FROM busybox\nUSER 1000:7\n\
         RUN --mount=type=secret,id=s,uid=1000,gid=7,mode=0440 --mount=type=secret,id=e,env=VALUE \
         --mount=type=secret,id=missing [ ! -e /run/secrets/missing ] && \
         stat -c '%a %u %g' /run/secrets/s > /tmp/stat && wc -c < /run/secrets/s > /tmp/size && \
         [ \"$VALUE\" = \"$(cat /run/secrets/s)\" ] && [ $(cat /tmp/size) = 10 ]\n",
    )?;
    let file = project.beside("secret");
    fs::write(&file, "hush-hush!")?;
    let flags = [format!("id=s,src={}", file.display()), format!("id=e,src={}", file.display())];
    let built = project.build(&["--secret", &flags[0], "--secret", &flags[1]])?;
    same("log", &built.log.text().contains("hush-hush"), &false)?;
    let tree = built.image.tree()?;
    same("stat", &tree.text("/tmp/stat"), &Some("440 1000 7\n"))?;
    project.dockerfile("FROM busybox\nRUN --mount=type=secret,id=gone,required=true true\n")?;
    let done = project.try_build(&[])?.expect(1)?;
    same("hint", &done.stderr.contains("--secret id=gone"), &true)?;
    let mut grep = Command::new("grep");
    grep.args(["-rl", "hush-hush"]).arg(project.dfc.home());
    same("files with the secret", &String::from_utf8_lossy(&grep.output()?.stdout).as_ref(), &"")
}

fn tmpfs() -> Outcome {
    let project = Project::new(
        "FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m \
         head -c 900000 /dev/zero > /t/fits && ! head -c 900000 /dev/zero > /t/does-not\n",
    )?;
    let tree = project.build(&[])?.image.tree()?;
    same("stub", &tree.text("/t/fits"), &None)
}

/// Two builds by two processes on one store, of two Dockerfiles that differ in `$N`.
fn two_at_once(mount: &str, command: &str) -> Result<[Done; 2], Failed> {
    let project = Project::new("FROM busybox\n")?;
    let text = |number: &str| {
        format!("FROM busybox\nRUN --mount=type=cache,id=c,target=/c{mount} {command}\n")
            .replace("$N", number)
    };
    let children = ["1", "2"].map(|number| {
        project.file(&format!("{number}.Dockerfile"), &text(number))?;
        let file = project.context().join(format!("{number}.Dockerfile"));
        let mut command = project.command(&["-f", &file.to_string_lossy()])?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok::<_, Failed>(command.spawn()?)
    });
    let [one, two] = children;
    let (one, two) = (one?, two?);
    Ok([Done::from(one.wait_with_output()?), Done::from(two.wait_with_output()?)])
}

/// Waits until a command is true, half a minute at most.
fn until(condition: &str) -> String {
    format!("i=0; until {condition}; do i=$((i+1)); [ $i -lt 600 ] || exit 1; sleep 0.05; done")
}

fn shared() -> Outcome {
    // Each goes on only when it sees the other's file.
    let meet = until("[ -e /c/1 ] && [ -e /c/2 ]");
    for done in two_at_once("", &format!("touch /c/$N; {meet}"))? {
        done.expect(0)?;
    }
    Ok(())
}

/// They meet in a shared cache, so that both have the private one at the same time.
fn private() -> Outcome {
    let meet = until("[ -e /meet/1 ] && [ -e /meet/2 ]");
    let also = ",sharing=private --mount=type=cache,id=meet,target=/meet";
    let command = format!("touch /c/$N /meet/$N; {meet}; [ $(ls /c | wc -l) = 1 ]");
    for done in two_at_once(also, &command)? {
        done.expect(0)?;
    }
    Ok(())
}

/// A folder that cannot be made twice shows two that are inside at once.
fn locked() -> Outcome {
    let command = "for i in 1 2 3; do mkdir /c/inside || exit 1; sleep 0.2; rmdir /c/inside; done; touch /c/done-$N";
    for done in two_at_once(",sharing=locked", command)? {
        done.expect(0)?;
    }
    Ok(())
}
