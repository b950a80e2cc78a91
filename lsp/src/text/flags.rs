//! What flags mean and what they take.

use grammar::instruction::Keyword;

/// A `--flag` of an instruction.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    /// What stands behind the `=`; empty if it needs nothing.
    pub(crate) takes: &'static str,
    pub(crate) meaning: &'static str,
    /// Values to choose from, or examples.
    pub(crate) values: &'static [&'static str],
    /// Whether it may be given several times.
    pub(crate) is_list: bool,
}

const fn flag(
    name: &'static str,
    takes: &'static str,
    meaning: &'static str,
    values: &'static [&'static str],
) -> Flag {
    Flag { name, takes, meaning, values, is_list: false }
}

const fn list(name: &'static str, takes: &'static str, meaning: &'static str) -> Flag {
    Flag { name, takes, meaning, values: &[], is_list: true }
}

const BOOL: &[&str] = &["true", "false"];

/// Platforms that images are commonly for.
pub(crate) const PLATFORMS: &[&str] = &[
    "$BUILDPLATFORM",
    "$TARGETPLATFORM",
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/arm/v6",
    "linux/386",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
    "windows/amd64",
];

const CHOWN: Flag = flag(
    "chown",
    "USER[:GROUP]",
    "Whose the files are: numbers, or names as the image so far has them.",
    &[],
);
const CHMOD: Flag = flag(
    "chmod",
    "MODE",
    "The mode of the files: octal up to 07777, or changes such as `u=rwX,go-w`.",
    &["755", "644", "u=rwX,go=rX"],
);
const LINK: Flag = flag(
    "link",
    "",
    "The layer does not look at what is below it: it stays cached when that changes.",
    BOOL,
);
const EXCLUDE: Flag = list(
    "exclude",
    "PATTERN",
    "Leaves files out, by the rules of .dockerignore counted from each source; repeatable.",
);

const ADD: &[Flag] = &[
    flag(
        "checksum",
        "DIGEST",
        "What the download must be: `sha256:HEX`; for git, the commit or the first digits of it.",
        &["sha256:"],
    ),
    CHOWN,
    CHMOD,
    LINK,
    EXCLUDE,
    flag("keep-git-dir", "", "Keeps `.git` of a git source.", BOOL),
    flag(
        "unpack",
        "",
        "Whether archives are unpacked. If it is not given, those of the context are and downloads are not.",
        BOOL,
    ),
];

const COPY: &[Flag] = &[
    flag(
        "from",
        "NAME",
        "A stage by name or number, a named context, or an image; without it, the build context.",
        &[],
    ),
    CHOWN,
    CHMOD,
    LINK,
    flag(
        "parents",
        "",
        "Keeps the folders of each source's path; `/./` in it says from where on.",
        BOOL,
    ),
    EXCLUDE,
];

const FROM: &[Flag] = &[flag(
    "platform",
    "OS/ARCH[/VARIANT]",
    "The platform of the image; without it, the one that is built for.",
    PLATFORMS,
)];

const HEALTHCHECK: &[Flag] = &[
    flag(
        "interval",
        "TIME",
        "Between two checks; 30 seconds if it is not given.",
        &["30s", "1m", "5m"],
    ),
    flag("timeout", "TIME", "For one check; 30 seconds if it is not given.", &["3s", "10s", "30s"]),
    flag("start-period", "TIME", "In which failures do not count.", &["5s", "30s", "1m"]),
    flag("start-interval", "TIME", "Between two checks in the start period.", &["1s", "5s"]),
    flag(
        "retries",
        "N",
        "So many failures in a row, and it is not well; 3 if it is not given.",
        &["3", "5"],
    ),
];

const RUN: &[Flag] = &[
    list(
        "mount",
        "type=TYPE,...",
        "Something to see during the command, and only then: files, a cache, a secret, an agent; repeatable.",
    ),
    flag(
        "network",
        "MODE",
        "Which network the command sees; `host` needs `--allow network.host`.",
        &["default", "none", "host"],
    ),
    flag(
        "security",
        "MODE",
        "`insecure`: all rights; needs `--allow security.insecure`.",
        &["sandbox", "insecure"],
    ),
    list("device", "NAME", "Refused, as BuildKit's stable frontend does."),
];

/// The flags of an instruction.
pub(crate) fn of(keyword: Keyword) -> &'static [Flag] {
    match keyword {
        Keyword::Add => ADD,
        Keyword::Copy => COPY,
        Keyword::From => FROM,
        Keyword::Healthcheck => HEALTHCHECK,
        Keyword::Run => RUN,
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

/// A flag of an instruction by its name.
pub(crate) fn named(keyword: Keyword, name: &str) -> Option<&'static Flag> {
    of(keyword).iter().find(|flag| flag.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_table_has_the_same() {
        for keyword in Keyword::ALL {
            let (_, _, short) = crate::text::of(keyword);
            let mut short: Vec<&str> = short.to_vec();
            let mut here: Vec<&str> = of(keyword).iter().map(|flag| flag.name).collect();
            short.sort_unstable();
            here.sort_unstable();
            assert_eq!(short, here, "{}", keyword.name());
        }
    }

    #[test]
    fn each_flag_is_one_of_the_parser() {
        for keyword in Keyword::ALL {
            for flag in of(keyword) {
                let value = match flag.values.first() {
                    Some(value) => value,
                    None if flag.name == "mount" => "type=tmpfs,target=/a",
                    None => "x",
                };
                let is_from = keyword == Keyword::From;
                let (before, behind) =
                    if is_from { ("", "scratch") } else { ("FROM scratch\n", "a b") };
                let (name, flag) = (keyword.name(), flag.name);
                let line = format!("{before}{name} --{flag}={value} {behind}\n");
                let parsed = grammar::parse(&grammar::SourceFile::new("D", line.as_str()));
                let unknown = parsed.diagnostics.iter().any(|it| it.code.contains("flag"));
                assert!(!unknown, "{line}: {:?}", parsed.diagnostics);
            }
        }
    }
}
