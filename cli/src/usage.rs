//! What is said of a wrong command line: clap's complaint, and for the words of docker that dfc does not have, what
//! to do in their place.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::Args;

/// Words of docker's command line: the command they belong to, the words, and what to do.
type Hint = (&'static str, &'static [&'static str], &'static str);

const FLAGS: &[Hint] = &[
    ("build", &["--squash"], "copy what is wanted into a last stage: FROM scratch, COPY --from"),
    ("build", &["--call"], "`dfc check` looks for mistakes"),
    ("build", &["--attest", "--annotation"], "dfc makes no attestations and no annotations"),
    ("build", &["--builder", "--isolation"], "dfc has one builder, itself: leave the flag out"),
    ("build", &["--security-opt"], "RUN --security=insecure with --allow security.insecure"),
    (
        "run",
        &["-p", "--publish", "-P", "--publish-all", "--expose"],
        "the command uses the network of this machine, so its ports can be reached without",
    ),
    (
        "run",
        &["-v", "--volume", "--mount", "--tmpfs"],
        "there are no mounts; to run containers for good: `dfc save IMAGE | docker load`",
    ),
    (
        "run",
        &["-d", "--detach", "--name", "--restart"],
        "the command runs in the foreground and leaves nothing; leave the flag out",
    ),
    ("rm", &["--platform"], "name the image of that platform by its id: `dfc images -a`"),
    ("run", &["--platform"], "name the image of that platform by its id: `dfc images`"),
];

const COMMANDS: &[Hint] = &[
    ("", &["version", "info"], "the command is `dfc --version`"),
    (
        "",
        &["commit"],
        "`dfc run --commit NAME IMAGE COMMAND` makes an image of what a command changed",
    ),
    ("", &["search"], "registries are not searched; `dfc pull NAME` gets an image"),
    (
        "",
        &[
            "ps",
            "exec",
            "start",
            "stop",
            "logs",
            "container",
            "create",
            "attach",
            "kill",
            "cp",
            "volume",
            "network",
            "compose",
        ],
        "dfc builds and keeps images; `dfc run` runs one command, and no container stays",
    ),
];

/// Prints clap's complaint, or the help or version that was asked for.
pub(crate) fn report(mut error: clap::Error) -> ExitCode {
    if is_help_on_help(&error) {
        // As of `dfc help`: clap's own command for it takes no flags.
        let printed = Args::command().print_long_help();
        return if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if let Some(hint) = hint(&error) {
        let tip = ContextValue::StyledStrs(vec![hint.to_owned().into()]);
        error.insert(ContextKind::Suggested, tip);
        // What merely looks alike would mislead.
        error.insert(ContextKind::SuggestedArg, ContextValue::None);
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::None);
    }
    // Nobody is left to hear that this failed.
    let _ = error.print();
    match u8::try_from(error.exit_code()) {
        Ok(code) => ExitCode::from(code),
        Err(_) => ExitCode::from(2),
    }
}

/// `dfc help --help`
fn is_help_on_help(error: &clap::Error) -> bool {
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let kinds = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand];
    let typed = kinds.iter().find_map(|kind| error.get(*kind)).map(ToString::to_string);
    let asks = matches!(typed.as_deref(), Some("--help" | "-h"));
    // Clap takes it for a flag of `help`, or for a command to be helped with.
    asks && match error.kind() {
        ErrorKind::UnknownArgument => usage.contains("dfc help"),
        ErrorKind::InvalidSubcommand => true,
        _ => false,
    }
}

/// What to do in place of what was typed, if it is a word of docker's.
fn hint(error: &clap::Error) -> Option<&'static str> {
    let (hints, kind) = match error.kind() {
        ErrorKind::UnknownArgument => (FLAGS, ContextKind::InvalidArg),
        ErrorKind::InvalidSubcommand => (COMMANDS, ContextKind::InvalidSubcommand),
        // Clap's enum may grow, and these are the two kinds that are about unknown words.
        _ => return None,
    };
    let ContextValue::String(typed) = error.get(kind)? else { return None };
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let fits = |(command, words, _): &&Hint| {
        words.contains(&typed.as_str()) && usage.contains(&format!("dfc {command}"))
    };
    hints.iter().find(fits).map(|(_, _, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn words_of_docker_are_answered() {
        for (command, words, wanted) in FLAGS {
            for word in *words {
                let error = Args::try_parse_from(["dfc", command, word]).unwrap_err();
                assert_eq!(hint(&error), Some(*wanted), "{command} {word}");
            }
        }
        for (_, words, wanted) in COMMANDS {
            for word in *words {
                let error = Args::try_parse_from(["dfc", word]).unwrap_err();
                assert_eq!(hint(&error), Some(*wanted), "{word}");
            }
        }
    }

    #[test]
    fn help_on_help_is_help() {
        let error = Args::try_parse_from(["dfc", "help", "--help"]).unwrap_err();
        assert!(is_help_on_help(&error), "{error}");
        let error = Args::try_parse_from(["dfc", "build", "-j", "0", "."]).unwrap_err();
        assert!(!is_help_on_help(&error) && error.to_string().contains("'0'"), "{error}");
    }

    #[test]
    fn other_words_are_left_to_clap() {
        let error = Args::try_parse_from(["dfc", "build", "--taggg"]).unwrap_err();
        assert_eq!(hint(&error), None);
    }
}
