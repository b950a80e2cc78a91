//! Reading what `--progress=plain` prints.

use std::collections::BTreeMap;

/// The steps of a build, in the order in which they began.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) steps: Vec<LogStep>,
    text: String,
}

/// One step of the Dockerfile.
#[derive(Debug)]
pub(crate) struct LogStep {
    /// The instruction, without the `[stage 1/2]` before it.
    pub(crate) instruction: String,
    /// Whether its result came from the cache.
    pub(crate) cached: bool,
}

impl Log {
    /// Reads the lines `#1 [stage 1/2] RUN x` and `#1 CACHED`.
    pub(crate) fn read(text: &str) -> Log {
        let mut steps: Vec<LogStep> = Vec::new();
        // A number's first line names it; it is a step of the Dockerfile, or something else (`None`).
        let mut numbers: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        for line in text.lines() {
            let Some((number, rest)) = line.split_once(' ') else { continue };
            if !number.starts_with('#') {
                continue;
            }
            let step = *numbers.entry(number).or_insert_with(|| {
                let instruction = instruction(rest)?.to_owned();
                steps.push(LogStep { instruction, cached: false });
                Some(steps.len() - 1)
            });
            if let Some(step) = step {
                steps[step].cached |= rest == "CACHED";
            }
        }
        Log { steps, text: text.to_owned() }
    }

    /// The instructions that were carried out, those of bases left out.
    pub(crate) fn executed(&self) -> Vec<&str> {
        self.named(|step| !step.cached)
    }

    /// The instructions whose results came from the cache.
    pub(crate) fn cached(&self) -> Vec<&str> {
        self.named(|step| step.cached)
    }

    fn named(&self, wanted: impl Fn(&LogStep) -> bool) -> Vec<&str> {
        let own = self.steps.iter().filter(|step| !step.instruction.starts_with("FROM "));
        own.filter(|step| wanted(step)).map(|step| step.instruction.as_str()).collect()
    }

    /// All that was printed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// `RUN x` of `[stage 1/2] RUN x`; the builder's own doings (`[internal]`, `[context x]`) are no instructions.
pub(crate) fn instruction(name: &str) -> Option<&str> {
    let (place, instruction) = name.strip_prefix('[')?.split_once("] ")?;
    let own = ["internal", "context"].iter().any(|word| place.starts_with(word));
    (!own).then_some(instruction)
}
