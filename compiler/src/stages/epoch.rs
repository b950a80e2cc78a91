//! SOURCE_DATE_EPOCH: the time that new files and history entries get.

use grammar::{Diagnostic, Statement};

use super::Conversion;
use crate::world::NamedContext;

const NAME: &str = "SOURCE_DATE_EPOCH";

impl<'a> Conversion<'a> {
    /// Reads the epoch from `--build-arg` or a global ARG, and puts the number in its place.
    pub(super) fn set_epoch(&mut self, _stages: &[(&'a Statement, &'a [Statement])]) {
        let given = self.build_args.get(NAME).cloned();
        let global = self.globals.get(NAME).filter(|value| !value.is_empty()).map(str::to_owned);
        let Some(value) = given.or(global) else { return };
        self.epoch = match value.as_str() {
            // A folder has no time of its own.
            "" | "context" => None,
            text => match text.parse::<i64>() {
                Ok(seconds) => Some(seconds),
                Err(_) => self.epoch_of_context(text),
            },
        };
        let value = self.epoch.map(|seconds| seconds.to_string());
        match (value, self.build_args.contains_key(NAME)) {
            (Some(value), true) => drop(self.build_args.insert(NAME.into(), value)),
            (None, true) => drop(self.build_args.remove(NAME)),
            (Some(_) | None, false) => {}
        }
        if self.globals.get(NAME).is_some() {
            match self.epoch {
                Some(seconds) => self.globals.set(NAME, &seconds.to_string()),
                None => self.globals.remove(NAME),
            }
        }
    }

    fn epoch_of_context(&mut self, name: &str) -> Option<i64> {
        if let Some((_, NamedContext::Local)) = self.named_context(name, None) {
            return None;
        }
        let message = format!("invalid {NAME}: {name}");
        self.out.say(
            Diagnostic::without_place("invalid-epoch", message)
                .help("give seconds since 1970, such as `--build-arg SOURCE_DATE_EPOCH=0`"),
        );
        None
    }
}
