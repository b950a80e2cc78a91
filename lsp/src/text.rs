//! What instructions and their flags mean, in a line or two.

pub(crate) mod flags;
pub(crate) mod links;
pub(crate) mod mounts;

use grammar::instruction::Keyword;

/// An instruction's form, its meaning, and its flags.
pub(crate) fn of(keyword: Keyword) -> (&'static str, &'static str, &'static [&'static str]) {
    match keyword {
        Keyword::Add => (
            "ADD [FLAGS] SOURCE... DESTINATION",
            "Copies files from the context, downloads URLs and repositories, and unpacks local archives.",
            &["chown", "chmod", "link", "exclude", "checksum", "keep-git-dir", "unpack"],
        ),
        Keyword::Arg => (
            "ARG NAME[=DEFAULT] ...",
            "Declares a variable of the build, which `--build-arg` sets. It is not in the image's environment. Before the first FROM it is for FROM lines alone, until a stage declares it again.",
            &[],
        ),
        Keyword::Cmd => (
            "CMD [\"program\", \"argument\"]",
            "What a container runs if nothing else is asked for; with an ENTRYPOINT, its arguments. The last one of a stage counts.",
            &[],
        ),
        Keyword::Copy => (
            "COPY [FLAGS] SOURCE... DESTINATION",
            "Copies files from the context, or with `--from` from a stage or an image.",
            &["from", "chown", "chmod", "link", "exclude", "parents"],
        ),
        Keyword::Entrypoint => (
            "ENTRYPOINT [\"program\", \"argument\"]",
            "What a container always runs. In the shell form signals reach the shell, and CMD is ignored.",
            &[],
        ),
        Keyword::Env => (
            "ENV NAME=VALUE ...",
            "Sets variables for what follows in this stage and for containers.",
            &[],
        ),
        Keyword::Expose => (
            "EXPOSE PORT[/PROTOCOL] ...",
            "Says which ports a container listens on. It opens none.",
            &[],
        ),
        Keyword::From => (
            "FROM [--platform=PLATFORM] IMAGE [AS NAME]",
            "Begins a stage from an image, an earlier stage, or nothing (`scratch`).",
            &["platform"],
        ),
        Keyword::Healthcheck => (
            "HEALTHCHECK [FLAGS] CMD COMMAND",
            "How to see whether a container is well; `NONE` takes the base's check away.",
            &["interval", "timeout", "start-period", "start-interval", "retries"],
        ),
        Keyword::Label => ("LABEL NAME=VALUE ...", "Adds metadata to the image.", &[]),
        Keyword::Maintainer => {
            ("MAINTAINER NAME", "Deprecated: use `LABEL org.opencontainers.image.authors=`.", &[])
        }
        Keyword::Onbuild => (
            "ONBUILD INSTRUCTION",
            "Runs an instruction in the builds that start from this image.",
            &[],
        ),
        Keyword::Run => (
            "RUN [FLAGS] COMMAND",
            "Runs a command; what it changes becomes a layer.",
            &["mount", "network", "security", "device"],
        ),
        Keyword::Shell => (
            "SHELL [\"program\", \"argument\"]",
            "The shell of shell-form commands that follow.",
            &[],
        ),
        Keyword::Stopsignal => ("STOPSIGNAL SIGNAL", "The signal that stops a container.", &[]),
        Keyword::User => {
            ("USER NAME[:GROUP]", "The user that runs what follows, and containers.", &[])
        }
        Keyword::Volume => {
            ("VOLUME PATH ...", "Folders whose content is kept outside of a container.", &[])
        }
        Keyword::Workdir => (
            "WORKDIR PATH",
            "The folder that what follows runs in; it is made if it is not there.",
            &[],
        ),
    }
}

/// The parser directives, and what they say.
pub(crate) const DIRECTIVES: &[(&str, &str)] = &[
    ("syntax", "Names a frontend image for BuildKit. dfc notes it and uses its own."),
    ("escape", "The escape character: a backslash, or a backtick for files with Windows paths."),
    (
        "check",
        "Leaves lint rules out, asks for experimental ones, or makes errors of findings: `skip=RULE,RULE;error=BOOL;experimental=RULE,RULE`.",
    ),
];

/// The forms of `${NAME...}`, and what they give.
pub(crate) const MODIFIERS: &[(&str, &str)] = &[
    (":-", "the word behind, if it is unset or empty"),
    (":+", "the word behind, if it is set and not empty"),
    (":?", "an error that says the word behind, if it is unset or empty"),
    ("-", "the word behind, if it is unset"),
    ("+", "the word behind, if it is set"),
    ("?", "an error that says the word behind, if it is unset"),
    ("#", "without the shortest beginning that matches the pattern behind"),
    ("##", "without the longest beginning that matches the pattern behind"),
    ("%", "without the shortest end that matches the pattern behind"),
    ("%%", "without the longest end that matches the pattern behind"),
    ("/", "with `/PATTERN/WORD`: the word for the first match"),
    ("//", "with `//PATTERN/WORD`: the word for all matches"),
];
