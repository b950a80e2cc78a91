//! [`Args`]: the ARGs that a stage declares.

use std::collections::BTreeMap;

/// Names in the order in which they were first declared, each with the value it was last given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Args {
    list: Vec<(String, Option<String>)>,
    places: BTreeMap<String, usize>,
}

impl Args {
    /// Declares a name, perhaps again; without a value it is in scope all the same.
    pub(crate) fn declare(&mut self, name: &str, value: Option<String>) {
        match self.places.get(name) {
            Some(place) => self.list[*place].1 = value,
            None => {
                self.places.insert(name.to_owned(), self.list.len());
                self.list.push((name.to_owned(), value));
            }
        }
    }

    /// Whether a name is declared.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Names and values, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.list.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// How many bytes names and values have.
    pub(crate) fn weight(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.map_or(0, str::len)).sum()
    }
}
