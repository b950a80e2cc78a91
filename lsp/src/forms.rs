//! How instructions are written, part by part: what signature help shows.

use grammar::instruction::Keyword;

/// When a part is the one being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// In a flag.
    Flags,
    /// In a word, counted from 0 behind the flags.
    Word(usize),
    /// In this word and all behind it.
    From(usize),
    /// In a word, behind this character of it.
    Behind(char),
    /// In the last word, if it is not the only one.
    Last,
}

/// A part of a form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// As it stands in the label.
    pub(crate) label: &'static str,
    /// What it is.
    pub(crate) meaning: &'static str,
    /// When it is being written.
    pub(crate) at: At,
}

/// One way to write something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// All of it; the labels of the parts are in it.
    pub(crate) label: &'static str,
    /// Its parts. Of several that are being written the last one counts.
    pub(crate) parts: &'static [Part],
}

const fn part(label: &'static str, at: At, meaning: &'static str) -> Part {
    Part { label, meaning, at }
}

const fn form(label: &'static str, parts: &'static [Part]) -> Form {
    Form { label, parts }
}

const PROGRAM: Part = part("\"PROGRAM\"", At::From(0), "Run as it is, without a shell.");
const ARGUMENT: Part = part("\"ARGUMENT\"", At::Behind(','), "Its arguments.");
const SHELL_COMMAND: Part = part("COMMAND", At::From(0), "Given to the SHELL of the stage.");
const SOURCE: Part = part(
    "SOURCE...",
    At::From(0),
    "Files and folders of the context, with wildcards `*`, `?`, `[a-z]`.",
);
const DESTINATION: Part = part(
    "DESTINATION",
    At::Last,
    "Where to in the image; with a `/` at its end a folder. Relative to WORKDIR.",
);
const FLAGS: Part = part("[FLAGS]", At::Flags, "");

/// The ways to write an instruction. The one in the JSON form, if there is one, is the second.
pub(crate) fn of(keyword: Keyword) -> &'static [Form] {
    FORMS.iter().find(|(known, _)| *known == keyword).map_or(&[], |(_, forms)| forms)
}

const FORMS: &[(Keyword, &[Form])] = &[
    (
        Keyword::Add,
        &[
            form(
                "ADD [FLAGS] SOURCE... DESTINATION",
                &[
                    FLAGS,
                    part(
                        "SOURCE...",
                        At::From(0),
                        "Files of the context, archives, URLs, repositories.",
                    ),
                    DESTINATION,
                ],
            ),
            form(
                "ADD [FLAGS] [\"SOURCE\", \"DESTINATION\"]",
                &[
                    FLAGS,
                    part("\"SOURCE\"", At::From(0), ""),
                    part("\"DESTINATION\"", At::Behind(','), ""),
                ],
            ),
        ],
    ),
    (
        Keyword::Arg,
        &[form(
            "ARG NAME[=DEFAULT] ...",
            &[
                part("NAME", At::From(0), "What `--build-arg NAME=...` sets."),
                part("DEFAULT", At::Behind('='), "Taken if nobody sets it."),
            ],
        )],
    ),
    (
        Keyword::Cmd,
        &[
            form("CMD COMMAND", &[SHELL_COMMAND]),
            form("CMD [\"PROGRAM\", \"ARGUMENT\", ...]", &[PROGRAM, ARGUMENT]),
        ],
    ),
    (
        Keyword::Copy,
        &[
            form("COPY [FLAGS] SOURCE... DESTINATION", &[FLAGS, SOURCE, DESTINATION]),
            form(
                "COPY [FLAGS] [\"SOURCE\", \"DESTINATION\"]",
                &[
                    FLAGS,
                    part("\"SOURCE\"", At::From(0), ""),
                    part("\"DESTINATION\"", At::Behind(','), ""),
                ],
            ),
        ],
    ),
    (
        Keyword::Entrypoint,
        &[
            form("ENTRYPOINT COMMAND", &[SHELL_COMMAND]),
            form("ENTRYPOINT [\"PROGRAM\", \"ARGUMENT\", ...]", &[PROGRAM, ARGUMENT]),
        ],
    ),
    (
        Keyword::Env,
        &[form(
            "ENV NAME=VALUE ...",
            &[
                part("NAME", At::From(0), "Letters, digits and `_`."),
                part("VALUE", At::Behind('='), "In quotes if there are blanks in it."),
            ],
        )],
    ),
    (
        Keyword::Expose,
        &[form(
            "EXPOSE PORT[/PROTOCOL] ...",
            &[
                part("PORT", At::From(0), "A number, or a range such as `8000-8010`."),
                part("PROTOCOL", At::Behind('/'), "`tcp`, `udp` or `sctp`."),
            ],
        )],
    ),
    (
        Keyword::From,
        &[form(
            "FROM [--platform=PLATFORM] IMAGE [AS NAME]",
            &[
                part(
                    "[--platform=PLATFORM]",
                    At::Flags,
                    "Such as `linux/arm64` or `$BUILDPLATFORM`.",
                ),
                part("IMAGE", At::Word(0), "An image, the name of an earlier stage, or `scratch`."),
                part("[AS NAME]", At::From(1), "What later stages call this one."),
            ],
        )],
    ),
    (
        Keyword::Healthcheck,
        &[
            form(
                "HEALTHCHECK [FLAGS] CMD COMMAND",
                &[
                    FLAGS,
                    part("CMD", At::Word(0), "`CMD`, or `NONE` to take the base's check away."),
                    part("COMMAND", At::From(1), "Well if it exits with 0, unwell with 1."),
                ],
            ),
            form("HEALTHCHECK NONE", &[part("NONE", At::Word(0), "Takes the base's check away.")]),
        ],
    ),
    (
        Keyword::Label,
        &[form(
            "LABEL NAME=VALUE ...",
            &[
                part("NAME", At::From(0), "Such as `org.opencontainers.image.source`."),
                part("VALUE", At::Behind('='), "In quotes if there are blanks in it."),
            ],
        )],
    ),
    (
        Keyword::Maintainer,
        &[form("MAINTAINER NAME", &[part("NAME", At::From(0), "Write a LABEL instead.")])],
    ),
    (
        Keyword::Onbuild,
        &[form(
            "ONBUILD INSTRUCTION",
            &[part("INSTRUCTION", At::From(0), "Any but FROM, MAINTAINER and ONBUILD.")],
        )],
    ),
    (
        Keyword::Run,
        &[
            form("RUN [FLAGS] COMMAND", &[FLAGS, SHELL_COMMAND]),
            form("RUN [FLAGS] [\"PROGRAM\", \"ARGUMENT\", ...]", &[FLAGS, PROGRAM, ARGUMENT]),
        ],
    ),
    (Keyword::Shell, &[form("SHELL [\"PROGRAM\", \"ARGUMENT\", ...]", &[PROGRAM, ARGUMENT])]),
    (
        Keyword::Stopsignal,
        &[form(
            "STOPSIGNAL SIGNAL",
            &[part("SIGNAL", At::From(0), "A name such as `SIGINT`, or a number.")],
        )],
    ),
    (
        Keyword::User,
        &[form(
            "USER NAME[:GROUP]",
            &[
                part("NAME", At::From(0), "A name of the image's /etc/passwd, or a number."),
                part("GROUP", At::Behind(':'), "A name of /etc/group, or a number."),
            ],
        )],
    ),
    (
        Keyword::Volume,
        &[
            form("VOLUME PATH ...", &[part("PATH", At::From(0), "A folder of the container.")]),
            form("VOLUME [\"PATH\", ...]", &[part("\"PATH\"", At::From(0), "")]),
        ],
    ),
    (
        Keyword::Workdir,
        &[form(
            "WORKDIR PATH",
            &[part(
                "PATH",
                At::From(0),
                "Relative to the WORKDIR before. Made if it is not there.",
            )],
        )],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_in_their_labels() {
        for keyword in Keyword::ALL {
            assert!(!of(keyword).is_empty(), "{keyword:?}");
            for form in of(keyword) {
                assert!(form.label.starts_with(keyword.name()), "{}", form.label);
                for part in form.parts {
                    assert!(form.label.contains(part.label), "{} in {}", part.label, form.label);
                }
            }
        }
    }
}
