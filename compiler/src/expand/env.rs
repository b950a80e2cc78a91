//! [`Env`]: names and values in order.

use std::collections::BTreeMap;

/// Variables in the order they were last set.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// What was set, in order; `None` where it was taken back.
    list: Vec<Option<(String, String)>>,
    /// Where in the list each variable is.
    places: BTreeMap<String, usize>,
}

impl Env {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.list[*self.places.get(name)?].as_ref()?;
        Some(value)
    }

    /// Sets a variable; one that was set before moves to the end.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.places.insert(name.to_owned(), self.list.len());
        self.list.push(Some((name.to_owned(), value.to_owned())));
    }

    /// Forgets a variable.
    pub fn remove(&mut self, name: &str) {
        let Some(place) = self.places.remove(name) else { return };
        self.list[place] = None;
        if self.list.len() > 2 * self.places.len() + 16 {
            self.list.retain(Option::is_some);
            let names = self.list.iter().flatten().map(|(name, _)| name.clone());
            self.places = names.zip(0..).collect();
        }
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// `NAME=VALUE` lines, in order.
    pub fn to_lines(&self) -> Vec<String> {
        self.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// How many bytes names and values have.
    pub fn weight(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl PartialEq for Env {
    fn eq(&self, other: &Env) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Env {}

impl FromIterator<(String, String)> for Env {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Env {
        let mut env = Env::default();
        for (name, value) in pairs {
            env.set(&name, &value);
        }
        env
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_again_moves_to_the_end() {
        let mut env = Env::default();
        for (name, value) in [("A", "1"), ("B", "2"), ("A", "3")] {
            env.set(name, value);
        }
        assert_eq!(env.to_lines(), ["B=2", "A=3"]);
        env.remove("B");
        assert_eq!((env.get("A"), env.get("B")), (Some("3"), None));
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut env = Env::default();
        for round in 0..100 {
            env.set("A", &round.to_string());
            env.set("B", "x");
        }
        assert!(env.list.len() < 40, "{}", env.list.len());
        assert_eq!(env.to_lines(), ["A=99", "B=x"]);
        assert_eq!(
            env,
            [("A".into(), "99".into()), ("B".into(), "x".into())].into_iter().collect()
        );
    }
}
