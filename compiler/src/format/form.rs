//! What there is to know of an instruction's form: the order of its flags, so that the same flags stand in the same
//! places, and which of its words is a keyword.

use grammar::instruction::Keyword;
use grammar::tree::Flag;

/// The form of an instruction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// The order in which its flags are written. Flags that may be given many times keep their order among each other.
    flags: &'static [&'static str],
    /// The place of the word that means the same in upper and lower case: `AS`, `NONE`, `CMD`.
    pub(super) keyword: Option<usize>,
}

impl Form {
    /// The form of a kind of instruction.
    pub(super) fn of(kind: Keyword) -> Form {
        let of = |flags, keyword| Form { flags, keyword };
        match kind {
            Keyword::Add => of(
                &["keep-git-dir", "checksum", "unpack", "chown", "chmod", "link", "exclude"],
                None,
            ),
            Keyword::Copy => of(&["from", "chown", "chmod", "link", "parents", "exclude"], None),
            Keyword::From => of(&["platform"], Some(1)),
            Keyword::Healthcheck => {
                of(&["interval", "timeout", "start-period", "start-interval", "retries"], Some(0))
            }
            Keyword::Run => of(&["mount", "device", "network", "security"], None),
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
            | Keyword::Workdir => of(&[], None),
        }
    }

    /// The flags in their order. Where one of them has no place in it, all stay where they are.
    pub(super) fn sorted(self, flags: &[Flag]) -> Vec<&Flag> {
        let place = |flag: &Flag| self.flags.iter().position(|name| *name == flag.name.value);
        let mut sorted: Vec<&Flag> = flags.iter().collect();
        if sorted.iter().all(|flag| place(flag).is_some()) {
            sorted.sort_by_key(|flag| place(flag));
        }
        sorted
    }
}
