//! Stages that need each other.

use std::collections::BTreeSet;

use grammar::{Diagnostic, Span};

use super::Conversion;

impl Conversion<'_> {
    /// Whether no stages need each other in a circle. Those that do are not lowered.
    pub(super) fn check_cycles(&mut self) -> bool {
        let mut visited = BTreeSet::new();
        let mut sound = true;
        for start in 0..self.stages.len() {
            let mut way = Vec::new();
            if let Some(circle) = self.circle(start, &mut visited, &mut way) {
                sound = false;
                for (stage, _) in way {
                    self.stages[stage].failed = true;
                }
                let name = &self.stages[start].shown_name;
                let message = format!("circular dependency detected on stage: {name}");
                let (last, others) = circle.split_last().expect("a circle has an edge");
                let mut error = Diagnostic::error("circular-stages", message, *last)
                    .help("a stage may only copy from stages above it");
                for span in others {
                    error = error.also(*span, "by way of this");
                }
                self.out.say(error);
            }
        }
        sound
    }

    /// Follows what stages need, one at a time; gives the places that lead back to a stage on the way.
    fn circle(
        &self,
        start: usize,
        visited: &mut BTreeSet<usize>,
        way: &mut Vec<(usize, usize)>,
    ) -> Option<Vec<Span>> {
        if !visited.insert(start) {
            return None;
        }
        let mut on_way = BTreeSet::from([start]);
        // (stage, which of its needs is looked at next)
        way.push((start, 0));
        while let Some((stage, next)) = way.last_mut() {
            let Some((needed, _)) = self.stages[*stage].needs.get(*next).copied() else {
                on_way.remove(stage);
                way.pop();
                continue;
            };
            *next += 1;
            if on_way.contains(&needed) {
                // Of several instructions that need the same stage, BuildKit knows the last.
                let span = |(stage, next): &(usize, usize)| {
                    let needs = &self.stages[*stage].needs;
                    let needed = needs[next - 1].0;
                    needs.iter().rev().find(|it| it.0 == needed).map(|it| it.1)
                };
                return way.iter().map(span).collect();
            }
            if visited.insert(needed) {
                on_way.insert(needed);
                way.push((needed, 0));
            }
        }
        None
    }
}
