//! [`Env`]: names and values in order.

/// Variables in the order they were last set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env {
    list: Vec<(String, String)>,
}

impl Env {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.list.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Sets a variable; one that was set before moves to the end.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.list.push((name.to_owned(), value.to_owned()));
    }

    /// Forgets a variable.
    pub fn remove(&mut self, name: &str) {
        self.list.retain(|(key, _)| key != name);
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(name, _)| name.as_str())
    }

    /// `NAME=VALUE` lines, in order.
    pub fn to_lines(&self) -> Vec<String> {
        self.list.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}

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
}
