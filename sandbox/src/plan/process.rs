//! The process itself: limits, rights, user, program.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use rustix::process::{Resource, Rlimit};
use rustix::thread::Gid;

use super::Builder;
use super::op::SysOp;
use crate::error::SandboxError;
use crate::spec::{self, Security, Spec};
use crate::sys::StringList;

/// Docker's default: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw,
/// sys_chroot, mknod, audit_write, setfcap.
const CAPABILITIES: u64 = 0xa804_25fb;

/// Where programs are looked for if the environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// As `--ulimit` names them.
const RLIMITS: [(&str, Resource); 16] = [
    ("as", Resource::As),
    ("core", Resource::Core),
    ("cpu", Resource::Cpu),
    ("data", Resource::Data),
    ("fsize", Resource::Fsize),
    ("locks", Resource::Locks),
    ("memlock", Resource::Memlock),
    ("msgqueue", Resource::Msgqueue),
    ("nice", Resource::Nice),
    ("nofile", Resource::Nofile),
    ("nproc", Resource::Nproc),
    ("rss", Resource::Rss),
    ("rtprio", Resource::Rtprio),
    ("rttime", Resource::Rttime),
    ("sigpending", Resource::Sigpending),
    ("stack", Resource::Stack),
];

/// Adds the steps from the finished tree to the running program.
pub(super) fn steps(program: &mut Builder, spec: &Spec, cwd: CString) -> Result<(), SandboxError> {
    for limit in &spec.rlimits {
        let (resource, value) = rlimit(limit)?;
        let doing = format!("set the limit {}={}:{}", limit.name, limit.soft, limit.hard);
        program.add(SysOp::Limit(resource, value), doing);
    }
    program.add(SysOp::Umask(0o022), "set the mask of modes");
    // As root, who may enter folders that the user may not.
    program.add(
        SysOp::ChangeFolder(cwd),
        format!("change to the working folder {}", spec.cwd.display()),
    );
    if spec.security == Security::Sandbox {
        program.add(SysOp::BoundCapabilities(CAPABILITIES), "give capabilities up");
        // While there is still the right to do so without giving set-user-id programs up.
        program.add(SysOp::Filter, "install the filter of system calls");
    }
    let user = &spec.user;
    let groups = user.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    let doing = format!("become the user {}:{}", user.uid, user.gid);
    program.add(SysOp::BecomeUser { groups, gid: user.gid, uid: user.uid }, doing);
    if spec.security == Security::Sandbox {
        program.add(SysOp::KeepCapabilities(CAPABILITIES), "give capabilities up");
    }
    // Changing the user has switched it off, so it comes late.
    program.add(SysOp::DieWithParent, "tie the command to its parent");
    program.add(SysOp::DefaultSignals, "reset signals");
    program.add(execute(spec)?, "execute the program");
    Ok(())
}

fn rlimit(limit: &spec::Rlimit) -> Result<(Resource, Rlimit), SandboxError> {
    let Some((_, resource)) = RLIMITS.iter().find(|(name, _)| *name == limit.name) else {
        let known = RLIMITS.map(|(name, _)| name).join(", ");
        return Err(SandboxError::UnknownRlimit { name: limit.name.clone(), known });
    };
    let value = |value: i64| u64::try_from(value).ok();
    Ok((*resource, Rlimit { current: value(limit.soft), maximum: value(limit.hard) }))
}

fn execute(spec: &Spec) -> Result<SysOp, SandboxError> {
    let Some(program) = spec.args.first().filter(|program| !program.is_empty()) else {
        let problem = "is empty; it needs a program";
        return Err(SandboxError::Invalid { what: "the command", value: String::new(), problem });
    };
    let candidates = candidates(program, &spec.env);
    Ok(SysOp::Execute {
        candidates: strings("the program", &candidates)?,
        arguments: StringList::new(strings("the argument", &spec.args)?),
        environment: StringList::new(strings("the variable", &spec.env)?),
    })
}

/// Where the program may be, as a shell would look.
fn candidates(program: &OsStr, env: &[OsString]) -> Vec<OsString> {
    if program.as_bytes().contains(&b'/') {
        return vec![program.to_owned()];
    }
    let path = env.iter().rev().find_map(|variable| variable.as_bytes().strip_prefix(b"PATH="));
    let folders = path.unwrap_or(DEFAULT_PATH.as_bytes()).split(|byte| *byte == b':');
    let candidates = folders.map(|folder| {
        let folder = if folder.is_empty() { b".".as_slice() } else { folder };
        OsStr::from_bytes(&[folder, b"/", program.as_bytes()].concat()).to_owned()
    });
    candidates.collect()
}

fn strings(what: &'static str, strings: &[OsString]) -> Result<Vec<CString>, SandboxError> {
    let string = |text: &OsString| {
        let problem = "has a zero byte in it";
        CString::new(text.as_bytes()).map_err(|_| SandboxError::Invalid {
            what,
            // An environment may hold secrets: only the name is shown.
            value: text.to_string_lossy().split(['=', '\0']).next().unwrap_or_default().to_owned(),
            problem,
        })
    };
    strings.iter().map(string).collect()
}
