//! HEALTHCHECK.

use grammar::Diagnostic;
use grammar::instruction::{CommandLine, Healthcheck};

use super::Cx;
use crate::image::{Made, duration, spaced};

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Healthcheck) -> Result<(), Diagnostic> {
    let check = match it {
        Healthcheck::None => {
            oci::Healthcheck { test: vec!["NONE".into()], ..oci::Healthcheck::default() }
        }
        Healthcheck::Check { line, timings, retries } => oci::Healthcheck {
            test: match line {
                CommandLine::Shell(text) => vec!["CMD-SHELL".into(), text.text.clone()],
                CommandLine::Exec(words) => {
                    let words = words.iter().map(|word| word.text.clone());
                    ["CMD".to_owned()].into_iter().chain(words).collect()
                }
            },
            interval: timings.interval,
            timeout: timings.timeout,
            start_period: timings.start_period,
            start_interval: timings.start_interval,
            retries: *retries,
        },
    };
    let text = format!(
        "HEALTHCHECK {{Test:{} Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{}}}",
        spaced(&check.test),
        duration(check.interval),
        duration(check.timeout),
        duration(check.start_period),
        duration(check.start_interval),
        check.retries,
    );
    cx.commit(text, Made::Nothing);
    cx.stage().image.config.healthcheck = Some(check);
    Ok(())
}
