//! What the fields of `RUN --mount=` mean.

/// The types of a mount.
pub(crate) const TYPES: &[(&str, &str)] = &[
    (
        "bind",
        "Files of the context or, with `from`, of a stage, image or named context; read-only unless `rw`, and then what is written is thrown away.",
    ),
    ("cache", "A folder that stays from build to build."),
    ("tmpfs", "An empty folder in memory."),
    (
        "secret",
        "What `--secret` gives, as a file in `/run/secrets` or at `target`, as a variable with `env`.",
    ),
    ("ssh", "The agent that `--ssh` gives."),
];

/// A field.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// Other names of it.
    pub(crate) aliases: &'static [&'static str],
    /// The types that have it.
    pub(crate) types: &'static [&'static str],
    /// Whether it is a switch, which needs no value.
    pub(crate) is_switch: bool,
    pub(crate) meaning: &'static str,
    /// Values to choose from, or examples.
    pub(crate) values: &'static [&'static str],
}

/// The fields but `type`.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "target",
        aliases: &["dst", "destination"],
        types: &["bind", "cache", "tmpfs", "secret", "ssh"],
        is_switch: false,
        meaning: "Where the command sees it. A relative path counts from WORKDIR.",
        values: &[],
    },
    Key {
        name: "source",
        aliases: &["src"],
        types: &["bind", "cache"],
        is_switch: false,
        meaning: "The path of it in the context, or in what `from` names; its root if it is not given.",
        values: &[],
    },
    Key {
        name: "from",
        aliases: &[],
        types: &["bind", "cache"],
        is_switch: false,
        meaning: "The stage, image or named context that it is taken from; no variable is expanded.",
        values: &[],
    },
    Key {
        name: "id",
        aliases: &[],
        types: &["cache", "secret", "ssh"],
        is_switch: false,
        meaning: "Which cache, secret or agent it is; for a cache, the target if it is not given.",
        values: &[],
    },
    Key {
        name: "sharing",
        aliases: &[],
        types: &["cache"],
        is_switch: false,
        meaning: "What happens if two commands want the cache: `shared` both have it, `locked` the second waits, `private` it gets another.",
        values: &["shared", "locked", "private"],
    },
    Key {
        name: "readonly",
        aliases: &["ro"],
        types: &["bind", "cache"],
        is_switch: true,
        meaning: "The command cannot write to it.",
        values: &["true", "false"],
    },
    Key {
        name: "rw",
        aliases: &["readwrite"],
        types: &["bind", "cache"],
        is_switch: true,
        meaning: "The command can write to it; of a bind mount that is thrown away.",
        values: &["true", "false"],
    },
    Key {
        name: "required",
        aliases: &[],
        types: &["secret", "ssh"],
        is_switch: true,
        meaning: "The build fails without it.",
        values: &["true", "false"],
    },
    Key {
        name: "env",
        aliases: &[],
        types: &["secret"],
        is_switch: false,
        meaning: "The variable that has the secret, in place of a file.",
        values: &[],
    },
    Key {
        name: "mode",
        aliases: &[],
        types: &["cache", "secret", "ssh"],
        is_switch: false,
        meaning: "The mode in octal: 0755 for a cache, 0400 for a secret, 0600 for an agent if it is not given.",
        values: &["0755", "0400"],
    },
    Key {
        name: "uid",
        aliases: &[],
        types: &["cache", "secret", "ssh"],
        is_switch: false,
        meaning: "Whose it is, as a number; 0 if it is not given.",
        values: &[],
    },
    Key {
        name: "gid",
        aliases: &[],
        types: &["cache", "secret", "ssh"],
        is_switch: false,
        meaning: "Whose group it is, as a number; 0 if it is not given.",
        values: &[],
    },
    Key {
        name: "size",
        aliases: &[],
        types: &["tmpfs"],
        is_switch: false,
        meaning: "How large it may get, such as `64m`.",
        values: &["64m", "1g"],
    },
];

/// A field by one of its names.
pub(crate) fn named(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| {
        let mut names = std::iter::once(&key.name).chain(key.aliases);
        names.any(|it| it.eq_ignore_ascii_case(name))
    })
}
