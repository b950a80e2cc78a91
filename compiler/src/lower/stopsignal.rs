//! STOPSIGNAL: a number, or a name with or without `SIG`.

use grammar::Diagnostic;
use grammar::instruction::Stopsignal;

use super::Cx;
use crate::image::Made;
use crate::suggest::nearest;

/// Linux's signals; RTMIN and RTMAX have offsets besides.
const NAMES: [&str; 38] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
    "RTMIN+1", "RTMAX-1",
];

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Stopsignal) -> Result<(), Diagnostic> {
    let signal = cx.expand(&it.signal)?;
    if !is_signal(&signal) {
        let message = format!("invalid signal: {signal}");
        let help = match nearest(&name(&signal), NAMES) {
            Some(near) if !signal.is_empty() => format!("did you mean `SIG{near}`?"),
            Some(_) | None => "give a number, or a name such as SIGTERM".to_owned(),
        };
        return Err(Diagnostic::error("invalid-signal", message, it.signal.span).help(help));
    }
    cx.commit(format!("STOPSIGNAL {signal}"), Made::Nothing);
    cx.stage().image.config.stop_signal = signal;
    Ok(())
}

fn name(signal: &str) -> String {
    let upper = signal.to_uppercase();
    upper.strip_prefix("SIG").map(str::to_owned).unwrap_or(upper)
}

fn is_signal(signal: &str) -> bool {
    if let Ok(number) = signal.parse::<i64>() {
        return number != 0;
    }
    let name = name(signal);
    let offset = |prefix: &str, most: u32| {
        let number = name.strip_prefix(prefix);
        number.is_some_and(|it| {
            !it.starts_with(['0', '+']) && it.parse().is_ok_and(|n: u32| n <= most)
        })
    };
    NAMES.contains(&name.as_str()) || offset("RTMIN+", 15) || offset("RTMAX-", 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals() {
        for good in ["SIGTERM", "term", "9", "RTMIN+3", "SIGRTMAX-14", "-1"] {
            assert!(is_signal(good), "{good}");
        }
        for bad in ["0", "NOPE", "", "RTMIN+16", "RTMAX-15", "RTMIN+0", "RTMIN++1"] {
            assert!(!is_signal(bad), "{bad}");
        }
    }
}
