//! `--chmod`: octal numbers and the letters of chmod(1), with a umask of 0.

/// What `--chmod` says, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chmod {
    /// A number: every file and folder gets exactly it.
    Octal(u32),
    /// Letters: each changes what it has.
    Symbolic(Vec<Clause>),
}

/// `ug+rX`: for whom, what to do, with which permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    /// The bits of those it is for: 0o700, 0o070, 0o007 put together.
    who: u32,
    operator: char,
    permissions: Permissions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permissions {
    Letters { rwx: u32, conditional: bool, set_id: bool, sticky: bool },
    CopyOf(char),
}

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;

impl Chmod {
    /// Parses a value; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Chmod> {
        if let Ok(mode) = u32::from_str_radix(text, 8) {
            return (mode <= 0o7777).then_some(Chmod::Octal(mode));
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            parse_clauses(part, &mut clauses)?;
        }
        Some(Chmod::Symbolic(clauses))
    }

    /// The mode of something that had `mode` before.
    pub(crate) fn apply(&self, mode: u32, is_folder: bool) -> u32 {
        match self {
            Chmod::Octal(octal) => *octal,
            Chmod::Symbolic(clauses) => {
                clauses.iter().fold(mode, |mode, clause| clause.apply(mode, is_folder))
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

fn parse_clauses(part: &str, clauses: &mut Vec<Clause>) -> Option<()> {
    let mut letters = part.chars().peekable();
    let mut who = 0;
    while let Some(bits) = letters.peek().copied().and_then(bits_of) {
        who |= bits;
        letters.next();
    }
    let who = if who == 0 { 0o777 } else { who };
    letters.peek()?;
    while let Some(operator) = letters.next() {
        if !matches!(operator, '+' | '-' | '=') {
            return None;
        }
        let permissions = match letters.peek().copied() {
            Some(from @ ('u' | 'g' | 'o')) => {
                letters.next();
                Permissions::CopyOf(from)
            }
            _ => parse_letters(&mut letters)?,
        };
        clauses.push(Clause { who, operator, permissions });
    }
    Some(())
}

fn bits_of(who: char) -> Option<u32> {
    match who {
        'u' => Some(0o700),
        'g' => Some(0o070),
        'o' => Some(0o007),
        'a' => Some(0o777),
        _ => None,
    }
}

fn parse_letters(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Permissions> {
    let (mut rwx, mut conditional, mut set_id, mut sticky) = (0, false, false, false);
    while let Some(letter) = letters.peek().copied() {
        match letter {
            'r' => rwx |= 0o444,
            'w' => rwx |= 0o222,
            'x' => rwx |= 0o111,
            'X' => conditional = true,
            's' => set_id = true,
            't' => sticky = true,
            '+' | '-' | '=' => break,
            _ => return None,
        }
        letters.next();
    }
    Some(Permissions::Letters { rwx, conditional, set_id, sticky })
}

impl Clause {
    fn apply(&self, mode: u32, is_folder: bool) -> u32 {
        let bits = self.bits(mode, is_folder);
        match self.operator {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => {
                let mut cleared = self.who;
                // As chmod(1) does: `=` takes the special bits of those it is for, but not from folders.
                if !is_folder {
                    cleared |= self.set_id() | self.sticky();
                }
                (mode & !cleared) | bits
            }
        }
    }

    fn bits(&self, mode: u32, is_folder: bool) -> u32 {
        match self.permissions {
            Permissions::CopyOf(from) => {
                let shift = match from {
                    'u' => 6,
                    'g' => 3,
                    _ => 0,
                };
                ((mode >> shift & 0o7) * 0o111) & self.who
            }
            Permissions::Letters { rwx, conditional, set_id, sticky } => {
                let execute =
                    if conditional && (is_folder || mode & 0o111 != 0) { 0o111 } else { 0 };
                let set_id = if set_id { self.set_id() } else { 0 };
                let sticky = if sticky { self.sticky() } else { 0 };
                ((rwx | execute) & self.who) | set_id | sticky
            }
        }
    }

    /// Setuid and setgid of those it is for.
    fn set_id(&self) -> u32 {
        let user = if self.who & 0o700 == 0 { 0 } else { SETUID };
        let group = if self.who & 0o070 == 0 { 0 } else { SETGID };
        user | group
    }

    /// The sticky bit belongs to all.
    fn sticky(&self) -> u32 {
        if self.who == 0o777 { STICKY } else { 0 }
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
    fn other_texts_are_refused() {
        for text in ["", "u", "z+x", "u+q", "u+x,", "8"] {
            assert_eq!(Chmod::parse(text), None, "{text}");
        }
    }
}
