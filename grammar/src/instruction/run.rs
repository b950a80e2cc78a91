//! `RUN`: a command that changes the image.

use crate::diagnostic::Diagnostic;
use crate::flags::{FlagReader, Takes};
use crate::instruction::{CommandLine, Device, Draft, Mount};
use crate::quote::quoted;
use crate::suggest;
use crate::word::Word;

/// `RUN`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The command; for a RUN with heredocs the line that names them.
    pub line: CommandLine,
    /// `--mount`, repeatable, in order
    pub mounts: Vec<Mount>,
    /// `--network`
    pub network: Option<Word>,
    /// `--security`
    pub security: Option<Word>,
    /// `--device`, repeatable
    pub devices: Vec<Device>,
}

const FLAGS: &[(&str, Takes)] = &[
    ("mount", Takes::Values),
    ("network", Takes::Value),
    ("security", Takes::Value),
    ("device", Takes::Values),
];

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Run> {
    let flags = FlagReader::new(draft.flags, FLAGS, diagnostics);
    let network = flags.value("network");
    if let Some(value) = &network {
        let message = format!("invalid network mode {}", quoted(&value.text));
        diagnostics.extend(one_of(value, &["default", "none", "host"], "invalid-network", message));
    }
    let security = flags.value("security");
    if let Some(value) = &security {
        let message = format!("security {} is not valid", quoted(&value.text));
        diagnostics.extend(one_of(value, &["sandbox", "insecure"], "invalid-security", message));
    }
    let mounts = flags.values("mount");
    let devices = flags.values("device");
    Some(Run {
        line: CommandLine::read(draft, draft.args),
        mounts: mounts.into_iter().filter_map(|text| Mount::read(text, diagnostics)).collect(),
        network,
        security,
        devices: devices.into_iter().filter_map(|text| Device::read(text, diagnostics)).collect(),
    })
}

fn one_of(
    value: &Word,
    known: &[&'static str],
    code: &'static str,
    message: String,
) -> Option<Diagnostic> {
    if known.contains(&value.text.as_str()) {
        return None;
    }
    let error = Diagnostic::error(code, message, value.span);
    Some(match suggest::nearest(&value.text, known.iter().copied()) {
        Some(near) => {
            error.help(format!("did you mean `{near}`?")).fix(format!("replace by `{near}`"), near)
        }
        None => error.help(format!("it is one of {}", known.join(", "))),
    })
}
