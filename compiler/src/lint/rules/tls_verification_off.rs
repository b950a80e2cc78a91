//! Who is at the other end is looked at.

use grammar::{Code, Diagnostic, Instruction};

use crate::lint::{Cx, Origin, Rule, ShellRun};
use crate::shell::{Command, ShellWord};

/// ## What it does
/// Finds the verification of TLS certificates switched off: `curl -k`, `wget --no-check-certificate`, `pip --trusted-host`,
/// `npm config set strict-ssl false`, `git config http.sslVerify false`, `sslverify=0` of dnf, `Verify-Peer=false` of apt; and in
/// RUN, ENV and ARG the variables `NODE_TLS_REJECT_UNAUTHORIZED=0`, `GIT_SSL_NO_VERIFY`, `PYTHONHTTPSVERIFY=0` and their like.
///
/// ## Why is this bad
/// Whoever is between the build and the server may put anything into the image. As ENV, or in a configuration file, it counts
/// for the container, too.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// RUN curl -fsSLk https://example.com/tool -o /usr/bin/tool
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// RUN curl -fsSL https://example.com/tool -o /usr/bin/tool
/// ```
///
/// ## What it does not see
/// Configuration files that are copied, and programs other than those above. What is fetched from `localhost` is left alone. Whether a
/// checksum is looked at afterwards is not seen: then leave the rule out by a comment.
#[derive(Debug)]
pub(super) struct TlsVerificationOff;

/// Variables that switch it off, and the values that do; none for any value.
const VARIABLES: &[(&str, &[&str])] = &[
    ("NODE_TLS_REJECT_UNAUTHORIZED", &["0"]),
    ("PYTHONHTTPSVERIFY", &["0"]),
    ("GIT_SSL_NO_VERIFY", &[]),
    ("NPM_CONFIG_STRICT_SSL", &["false"]),
    ("YARN_ENABLE_STRICT_SSL", &["false"]),
    ("YARN_STRICT_SSL", &["false"]),
    ("PIP_TRUSTED_HOST", &[]),
    ("BUNDLE_SSL_VERIFY_MODE", &["0"]),
    ("CONDA_SSL_VERIFY", &["false", "no", "0"]),
    ("GOINSECURE", &[]),
    ("CARGO_HTTP_CHECK_REVOKE", &["false"]),
];

/// Flags that have this meaning for every program that has them.
const FLAGS: &[&str] = &[
    "--no-check-certificate",
    "--check-certificate=false",
    "--insecure-skip-tls-verify",
    "--insecure-skip-tls-verify=true",
    "--trust-server-cert",
    "--strict-ssl=false",
    "--no-strict-ssl",
    "--setopt=sslverify=0",
    "--setopt=sslverify=false",
    "sslverify=0",
    "sslverify=false",
];

impl Rule for TlsVerificationOff {
    fn name(&self) -> Code {
        "TlsVerificationOff"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            for (place, statement) in stage.statements() {
                let pairs: Vec<_> = if let Instruction::Env(env) = &statement.instruction {
                    env.pairs.iter().map(|(name, value)| (name, Some(value))).collect()
                } else if let Instruction::Arg(arg) = &statement.instruction {
                    arg.args.iter().map(|it| (&it.name, it.default.as_ref())).collect()
                } else {
                    continue;
                };
                for (name, value) in pairs {
                    let value = value.map_or("", |value| value.text.as_str());
                    if switches_off(&name.text, value.trim_matches(['"', '\''])) {
                        cx.warn(place, self.warning(&name.text, name.span));
                    }
                }
            }
            for run in cx.runs(&stage).iter() {
                for command in &run.script.commands {
                    for (name, value) in &command.assignments {
                        if switches_off(name, &value.text) {
                            let start = command.range.start.min(value.range.start);
                            let text = run.script.text();
                            let at = text[start..value.range.start].rfind(name.as_str());
                            let from = at.map_or(value.range.start, |at| start + at);
                            let span = run.script.span(&(from..value.range.end));
                            cx.warn(run.place, self.warning(name, span));
                        }
                    }
                    if let Some(word) = word(command, run) {
                        let span = run.script.span(&word.range);
                        cx.warn(run.place, self.warning(&shown(&word.text), span));
                    }
                }
            }
        }
    }
}

impl TlsVerificationOff {
    fn warning(&self, what: &str, span: grammar::Span) -> Diagnostic {
        let message = format!("`{what}` switches the verification of certificates off");
        Diagnostic::warning(self.name(), message, span)
            .help("install `ca-certificates`, or the certificate of the server, instead")
    }
}

/// A word as messages show it.
fn shown(text: &str) -> String {
    if text.len() <= 40 && !text.contains('\n') { text.to_owned() } else { "this".to_owned() }
}

fn switches_off(name: &str, value: &str) -> bool {
    VARIABLES.iter().any(|(known, values)| {
        name.eq_ignore_ascii_case(known)
            && match values {
                [] => !["", "0", "false", "no", "off"].contains(&value),
                values => values.iter().any(|it| value.eq_ignore_ascii_case(it)),
            }
    })
}

/// The word of a command that switches it off.
fn word<'c>(command: &'c Command, run: &ShellRun<'_>) -> Option<&'c ShellWord> {
    let args = command.args();
    let lower = |word: &ShellWord| word.text.to_ascii_lowercase();
    let known = args.iter().find(|it| FLAGS.contains(&lower(it).as_str()));
    if command.program() == "echo" || command.program() == "printf" {
        return configures(command, run);
    }
    if known.is_some() {
        return known;
    }
    let is_no = |word: Option<&ShellWord>| {
        word.is_some_and(|it| matches!(lower(it).as_str(), "false" | "no" | "0" | "off"))
    };
    let followed = |name: &str| {
        let at = args.iter().position(|it| lower(it) == name)?;
        is_no(args.get(at + 1)).then(|| &args[at])
    };
    match command.program() {
        "curl" if is_local(args) => None,
        "curl" => args.iter().find(|it| it.text == "--insecure" || has_letter(&it.text, 'k')),
        "pip" | "pip2" | "pip3" | "python" | "python3" => {
            let is_pip =
                command.program().starts_with("pip") || args.iter().any(|it| it.text == "pip");
            let trusts = |it: &&ShellWord| {
                it.text.starts_with("--trusted-host") || it.text == "global.trusted-host"
            };
            args.iter().find(trusts).filter(|_| is_pip)
        }
        "npm" | "yarn" | "pnpm" => {
            let joined = args.iter().find(|it| lower(it) == "strict-ssl=false");
            joined.or_else(|| followed("strict-ssl")).or_else(|| followed("enablestrictssl"))
        }
        "git" => {
            let joined = args.iter().find(|it| {
                lower(it)
                    .strip_prefix("http.")
                    .and_then(|it| it.split_once("sslverify="))
                    .is_some_and(|(_, value)| matches!(value, "false" | "no" | "0" | "off"))
            });
            joined.or_else(|| {
                let at = args.iter().position(|it| {
                    lower(it).starts_with("http.") && lower(it).ends_with("sslverify")
                })?;
                is_no(args.get(at + 1)).then(|| &args[at])
            })
        }
        "conda" | "mamba" => followed("ssl_verify"),
        "composer" => args.iter().find(|it| it.text == "disable-tls"),
        "apt" | "apt-get" => args.iter().find(|it| {
            let text = lower(it);
            text.contains("verify-peer=false") || text.contains("verify-host=false")
        }),
        _ => None,
    }
}

/// What is written to the configuration of curl, wget or apt.
fn configures<'c>(command: &'c Command, run: &ShellRun<'_>) -> Option<&'c ShellWord> {
    let text = &run.script.text()[command.range.clone()];
    let files =
        command.redirects.iter().filter(|it| it.is_output).map(|it| it.target.text.as_str());
    let goes_to = |name: &str| files.clone().any(|it| it.contains(name)) || text.contains(name);
    command.args().iter().find(|word| {
        let text = word.text.to_ascii_lowercase();
        (text.contains("insecure") && goes_to("curlrc"))
            || (text.contains("check_certificate") && text.contains("off") && goes_to("wgetrc"))
            || (text.contains("verify-peer") && text.contains("false"))
            || (text.contains("sslverify") && (text.contains("=0") || text.contains("false")))
    })
}

/// Whether a group of curl's one-letter flags has this one: what follows a letter that takes a value is the value.
fn has_letter(text: &str, wanted: char) -> bool {
    const VALUED: &str = "oHXduAbceFKmrTUwxyzCDEPQthY";
    let letters = text.strip_prefix('-').filter(|it| !it.starts_with('-')).unwrap_or_default();
    letters.chars().take_while(|c| !VALUED.contains(*c)).any(|c| c == wanted)
}

/// Whether all addresses are of the machine itself.
fn is_local(args: &[ShellWord]) -> bool {
    let mut urls = args.iter().filter(|it| it.text.contains("://")).peekable();
    urls.peek().is_some()
        && urls.all(|it| {
            let host = it.text.split_once("://").map_or("", |it| it.1);
            host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]")
        })
}
