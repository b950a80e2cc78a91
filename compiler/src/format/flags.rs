//! The order of flags: one for each instruction, so that the same flags stand in the same places.

use grammar::instruction::Keyword;
use grammar::tree::Flag;

/// The order in which an instruction's flags are written. Flags that may be given many times keep their order among
/// each other.
fn order(kind: Keyword) -> &'static [&'static str] {
    match kind {
        Keyword::Add => {
            &["keep-git-dir", "checksum", "unpack", "chown", "chmod", "link", "exclude"]
        }
        Keyword::Copy => &["from", "chown", "chmod", "link", "parents", "exclude"],
        Keyword::From => &["platform"],
        Keyword::Healthcheck => {
            &["interval", "timeout", "start-period", "start-interval", "retries"]
        }
        Keyword::Run => &["mount", "device", "network", "security"],
        Keyword::Arg
        | Keyword::Cmd
        | Keyword::Entrypoint
        | Keyword::Env
        | Keyword::Expose
        | Keyword::Label
        | Keyword::Maintainer
        | Keyword::Onbuild
        | Keyword::Shell
        | Keyword::Stopsignal
        | Keyword::User
        | Keyword::Volume
        | Keyword::Workdir => &[],
    }
}

/// The flags in their order. Where one of them has no place in it, all stay where they are.
pub(super) fn sorted(kind: Keyword, flags: &[Flag]) -> Vec<&Flag> {
    let order = order(kind);
    let place = |flag: &Flag| order.iter().position(|name| *name == flag.name.value);
    let mut sorted: Vec<&Flag> = flags.iter().collect();
    if sorted.iter().all(|flag| place(flag).is_some()) {
        sorted.sort_by_key(|flag| place(flag));
    }
    sorted
}
