//! `--chmod`: octal numbers and letters, with a umask of 0.
//!
//! Letters mean what BSD's chmod makes of them, which is what BuildKit has: `=` takes the special bits from folders,
//! too, copies such as `u=g` leave them alone, and `X` looks at what the file had in the beginning.

/// What `--chmod` says, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chmod {
    /// A number: every file and folder gets exactly it.
    Octal(u32),
    /// Letters: each changes what it has.
    Symbolic(Vec<Change>),
}

/// One change of a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Add(u32),
    Take(u32),
    /// Execution for a folder, and for a file that somebody could execute before.
    AddExecution(u32),
    /// The three bits of one (at this shift) go to others (0o700, 0o070, 0o007 put together).
    Copy {
        shift: u32,
        operator: char,
        to: u32,
    },
}

const SET_IDS: u32 = 0o6000;
const STICKY: u32 = 0o1000;
/// All but the sticky bit: `a`, and nobody named.
const EVERYBODY: u32 = 0o6777;

impl Chmod {
    /// Parses a value; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Chmod> {
        if let Ok(mode) = u32::from_str_radix(text, 8) {
            return (mode <= 0o7777).then_some(Chmod::Octal(mode));
        }
        let mut parser = Parser { changes: Vec::new(), assigned: false };
        for part in text.split(',') {
            parser.part(part)?;
        }
        Some(Chmod::Symbolic(parser.changes))
    }

    /// The mode of something that had `mode` before.
    pub(crate) fn apply(&self, mode: u32, is_folder: bool) -> u32 {
        match self {
            Chmod::Octal(octal) => *octal,
            Chmod::Symbolic(changes) => {
                let executable = is_folder || mode & 0o111 != 0;
                changes.iter().fold(mode, |mode, change| change.apply(mode, executable))
            }
        }
    }

    /// The mode of parents that a COPY makes: a number goes to them, too, without the special bits.
    pub(crate) fn parents(chmod: Option<&Chmod>) -> u32 {
        match chmod {
            Some(Chmod::Octal(octal)) => octal & 0o777,
            Some(Chmod::Symbolic(_)) | None => 0o755,
        }
    }
}

struct Parser {
    changes: Vec<Change>,
    /// Whether the `=` at hand has had its effect: `u=gr` sets once for the copy and once for the letters.
    assigned: bool,
}

impl Parser {
    /// `ug+rX-w`: for whom, then what to do.
    fn part(&mut self, part: &str) -> Option<()> {
        let rest = part.trim_start_matches(['u', 'g', 'o', 'a']);
        let mut who = 0;
        for letter in part[..part.len() - rest.len()].chars() {
            who |= match letter {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o0007,
                _ => EVERYBODY,
            };
        }
        let mut rest = rest;
        loop {
            let operator = rest.chars().next().filter(|it| matches!(it, '+' | '-' | '='))?;
            let after = &rest[1..];
            let end = after.find(['+', '-', '=']).unwrap_or(after.len());
            self.permissions(who, operator, &after[..end])?;
            rest = &after[end..];
            if rest.is_empty() {
                return Some(());
            }
        }
    }

    fn permissions(&mut self, mut who: u32, operator: char, letters: &str) -> Option<()> {
        self.assigned = operator != '=' && self.assigned;
        let (mut wanted, mut execution) = (0, 0);
        // For others alone there are no special bits.
        let special = who == 0 || who & !0o007 != 0;
        for letter in letters.chars() {
            match letter {
                'r' => wanted |= 0o444,
                'w' => wanted |= 0o222,
                'x' => wanted |= 0o111,
                'X' if operator == '-' => wanted |= 0o111,
                'X' => execution = 0o111,
                's' if special => wanted |= SET_IDS,
                't' if special => {
                    who |= STICKY;
                    wanted |= STICKY;
                }
                's' | 't' => {}
                'u' | 'g' | 'o' => {
                    if wanted != 0 {
                        self.change(who, operator, wanted);
                        wanted = 0;
                    }
                    self.assigned |= operator == '=';
                    self.execution(who, &mut execution);
                    let shift = match letter {
                        'u' => 6,
                        'g' => 3,
                        _ => 0,
                    };
                    let to = if who == 0 { 0o777 } else { who & 0o777 };
                    self.changes.push(Change::Copy { shift, operator, to });
                }
                _ => return None,
            }
        }
        if wanted != 0 || (operator == '=' && !self.assigned) {
            self.assigned |= operator == '=';
            self.change(who, operator, wanted);
        }
        self.execution(who, &mut execution);
        Some(())
    }

    fn change(&mut self, who: u32, operator: char, wanted: u32) {
        let bits = if who == 0 { wanted } else { who & wanted };
        if operator == '=' {
            self.changes.push(Change::Take(if who == 0 { EVERYBODY } else { who }));
        }
        self.changes.push(if operator == '-' { Change::Take(bits) } else { Change::Add(bits) });
    }

    fn execution(&mut self, who: u32, bits: &mut u32) {
        if *bits != 0 {
            let who = if who == 0 { 0o777 } else { who };
            self.changes.push(Change::AddExecution(who & *bits));
            *bits = 0;
        }
    }
}

impl Change {
    fn apply(self, mode: u32, executable: bool) -> u32 {
        match self {
            Change::Add(bits) => mode | bits,
            Change::Take(bits) => mode & !bits,
            Change::AddExecution(bits) => {
                if executable {
                    mode | bits
                } else {
                    mode
                }
            }
            Change::Copy { shift, operator, to } => {
                let bits = ((mode >> shift & 0o7) * 0o111) & to;
                match operator {
                    '+' => mode | bits,
                    '-' => mode & !bits,
                    _ => (mode & !to) | bits,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, mode: u32, is_folder: bool, want: u32) {
        let chmod = Chmod::parse(text).unwrap_or_else(|| panic!("`{text}` is a mode"));
        let got = chmod.apply(mode, is_folder);
        assert_eq!(got, want, "{text} on {mode:o}: {got:o}, not {want:o}");
    }

    #[test]
    fn numbers_replace() {
        check("640", 0o755, true, 0o640);
        check("04755", 0o600, false, 0o4755);
        check("0", 0o644, false, 0);
        assert_eq!(Chmod::parse("10000"), None);
        assert_eq!(Chmod::parents(Chmod::parse("4711").as_ref()), 0o711);
        assert_eq!(Chmod::parents(Chmod::parse("go=").as_ref()), 0o755);
    }

    #[test]
    fn letters_change() {
        check("u=rwX,go=rX", 0o600, false, 0o644);
        check("u=rwX,go=rX", 0o711, false, 0o755);
        check("u=rwX,go=rX", 0o750, true, 0o755);
        check("go-rwx", 0o755, true, 0o700);
        check("a+x,u+s", 0o600, false, 0o4711);
        check("+x", 0o644, false, 0o755);
        check("o=u", 0o600, false, 0o606);
        check("go=", 0o644, false, 0o600);
        check("u-x+w", 0o755, false, 0o655);
        check("+t", 0o777, true, 0o1777);
        check("g+s", 0o755, true, 0o2755);
    }

    #[test]
    fn special_bits() {
        check("u=g,o=", 0o4755, false, 0o4550);
        check("u=rx", 0o4755, false, 0o555);
        check("g=rx", 0o2775, true, 0o755);
        check("=rx", 0o6755, true, 0o555);
        check("a=r", 0o7755, false, 0o1444);
        check("u+t", 0o755, true, 0o1755);
        check("o+t", 0o755, true, 0o755);
        check("o+s", 0o755, false, 0o755);
        check("+s", 0o755, false, 0o6755);
        check("u-s", 0o6755, false, 0o2755);
    }

    #[test]
    fn execution_if_there_was_some() {
        check("u+x,g+X", 0o644, false, 0o744);
        check("a-x,a+X", 0o755, false, 0o755);
        check("a-X", 0o755, false, 0o644);
        check("u=rwX,g=u", 0o755, false, 0o775);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "u", "z+x", "u+q", "u+x,", "8"] {
            assert_eq!(Chmod::parse(text), None, "{text}");
        }
    }
}
