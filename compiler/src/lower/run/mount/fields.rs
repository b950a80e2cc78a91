//! The `key=value` fields of a mount, expanded and checked.

use grammar::instruction::Mount;
use grammar::{Diagnostic, Span, Spanned, Word, quoted};

use crate::lower::run::size;
use crate::lower::{Cx, boolean};
use crate::op::{MountOwner, Sharing};
use crate::suggest::with_suggestion;

/// All keys there are, for suggestions.
const KEYS: [&str; 19] = [
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "src",
    "dst",
    "destination",
    "ro",
    "rw",
    "readwrite",
    "env",
];

/// What a mount shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bind,
    Cache,
    Tmpfs,
    Secret,
    Ssh,
}

impl Kind {
    const ALL: [(&'static str, Kind); 5] = [
        ("bind", Kind::Bind),
        ("cache", Kind::Cache),
        ("tmpfs", Kind::Tmpfs),
        ("secret", Kind::Secret),
        ("ssh", Kind::Ssh),
    ];

    fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// The fields of one mount; empty texts were not given.
#[derive(Debug)]
pub(super) struct Fields {
    pub kind: Kind,
    pub from: String,
    pub from_span: Option<Span>,
    pub source: String,
    pub target: String,
    pub target_span: Option<Span>,
    pub readonly: Option<bool>,
    pub size: Option<u64>,
    pub id: String,
    pub sharing: Option<Sharing>,
    pub required: bool,
    pub env: Option<String>,
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

impl Fields {
    /// Reads the fields in order: what a key means may depend on the type, if that came first. `None` if there are
    /// mistakes.
    pub(super) fn read(
        cx: &mut Cx<'_, '_>,
        mount: &Mount,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Fields> {
        let mut fields = Fields {
            kind: Kind::Bind,
            from: String::new(),
            from_span: None,
            source: String::new(),
            target: String::new(),
            target_span: None,
            readonly: None,
            size: None,
            id: String::new(),
            sharing: None,
            required: false,
            env: None,
            mode: None,
            uid: None,
            gid: None,
        };
        let before = mistakes.len();
        for (key, value) in &mount.fields {
            let read = match value {
                None => fields.set_switch(key),
                Some(word) => cx.expand(word).and_then(|value| fields.set(key, word, value)),
            };
            if let Err(mistake) = read {
                mistakes.push(mistake);
                if key.value.eq_ignore_ascii_case("type") {
                    // What the other keys mean depends on it.
                    break;
                }
            }
        }
        if mistakes.len() == before {
            mistakes.extend(fields.check(mount.text.span).err());
        }
        (mistakes.len() == before).then_some(fields)
    }

    /// Whether writing is refused: bind mounts, secrets and sockets are read only unless they say otherwise.
    pub(super) fn is_readonly(&self) -> bool {
        self.readonly.unwrap_or(match self.kind {
            Kind::Cache | Kind::Tmpfs => false,
            Kind::Bind | Kind::Secret | Kind::Ssh => true,
        })
    }

    /// Owner and mode, if any of them was given.
    pub(super) fn owner(&self, default_mode: u32) -> Option<MountOwner> {
        let given = self.uid.is_some() || self.gid.is_some() || self.mode.is_some();
        given.then(|| MountOwner {
            uid: self.uid.unwrap_or(0),
            gid: self.gid.unwrap_or(0),
            mode: self.mode.unwrap_or(default_mode),
        })
    }

    fn takes_required(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::Ssh)
    }

    /// A key without a value.
    fn set_switch(&mut self, key: &Spanned<String>) -> Result<(), Diagnostic> {
        match key.value.to_lowercase().as_str() {
            "readonly" | "ro" => self.readonly = Some(true),
            "readwrite" | "rw" => self.readonly = Some(false),
            "required" if self.takes_required() => self.required = true,
            "required" => return Err(self.unexpected(key)),
            _ => {
                let message = format!("invalid field '{}' must be a key=value pair", key.value);
                return Err(invalid(message, key.span));
            }
        }
        Ok(())
    }

    fn set(&mut self, key: &Spanned<String>, word: &Word, value: String) -> Result<(), Diagnostic> {
        let lower = key.value.to_lowercase();
        let wrong = || invalid(format!("invalid value for {lower}: {value}"), word.span);
        let number = |radix| {
            let digits = !value.starts_with('+');
            u32::from_str_radix(&value, radix)
                .ok()
                .filter(|_| digits)
                .ok_or_else(|| invalid(format!("invalid value {value} for {lower}"), word.span))
        };
        match lower.as_str() {
            "type" => self.kind = one_of("mount type", &Kind::ALL, &value, word.span)?,
            "from" => (self.from, self.from_span) = (value, Some(word.span)),
            "source" | "src" => self.source = value,
            "target" | "dst" | "destination" => {
                (self.target, self.target_span) = (value, Some(word.span));
            }
            "readonly" | "ro" => self.readonly = Some(boolean(&value).ok_or_else(wrong)?),
            "readwrite" | "rw" => self.readonly = Some(!boolean(&value).ok_or_else(wrong)?),
            "required" if self.takes_required() => {
                self.required = boolean(&value).ok_or_else(wrong)?;
            }
            "size" if self.kind == Kind::Tmpfs => {
                self.size = Some(size::bytes(&value).ok_or_else(wrong)?);
            }
            "required" | "size" => return Err(self.unexpected(key)),
            "id" => self.id = value,
            "sharing" => {
                let modes = [
                    ("shared", Sharing::Shared),
                    ("private", Sharing::Private),
                    ("locked", Sharing::Locked),
                ];
                self.sharing = Some(one_of("sharing value", &modes, &value, word.span)?);
            }
            "mode" => self.mode = Some(number(8)?),
            "uid" => self.uid = Some(number(10)?),
            "gid" => self.gid = Some(number(10)?),
            "env" => self.env = Some(value),
            _ => {
                let message = format!("unexpected key '{lower}' in '{}={}'", key.value, word.text);
                let help = "the keys are type, from, source, target, readonly, id, sharing, required, size, mode, uid, \
                            gid and env";
                return Err(invalid(with_suggestion(message, &lower, KEYS), key.span).help(help));
            }
        }
        Ok(())
    }

    fn unexpected(&self, key: &Spanned<String>) -> Diagnostic {
        let key_name = key.value.to_lowercase();
        let message = format!("unexpected key '{key_name}' for mount type '{}'", self.kind.name());
        invalid(message, key.span).help("`type=` must come before the keys that depend on it")
    }

    /// What the type allows.
    fn check(&self, span: Span) -> Result<(), Diagnostic> {
        let kind = self.kind.name();
        match self.kind {
            Kind::Secret | Kind::Ssh | Kind::Cache => {}
            Kind::Bind | Kind::Tmpfs => {
                let given = [("mode", self.mode), ("uid", self.uid), ("gid", self.gid)];
                if let Some((key, _)) = given.iter().find(|(_, value)| value.is_some()) {
                    let message = format!("{key} not allowed for {kind:?} type mounts");
                    return Err(invalid(message, span));
                }
            }
        }
        let message = match self.kind {
            Kind::Secret if !self.from.is_empty() => "secret mount should not have a from".into(),
            Kind::Secret if self.sharing.is_some() => {
                "secret mount should not define sharing".into()
            }
            Kind::Secret
                if self.source.is_empty() && self.target.is_empty() && self.id.is_empty() =>
            {
                "invalid secret mount. one of source, target required".into()
            }
            Kind::Secret if !self.source.is_empty() && !self.id.is_empty() => {
                "both source and id can't be set".into()
            }
            Kind::Bind | Kind::Tmpfs | Kind::Ssh if self.sharing.is_some() => {
                format!("invalid cache sharing set for {kind} mount")
            }
            Kind::Bind | Kind::Tmpfs | Kind::Ssh | Kind::Cache | Kind::Secret => return Ok(()),
        };
        Err(invalid(message, span))
    }
}

fn invalid(message: String, span: Span) -> Diagnostic {
    Diagnostic::error("invalid-mount", message, span)
}

fn one_of<T: Copy>(
    what: &str,
    all: &[(&'static str, T)],
    value: &str,
    span: Span,
) -> Result<T, Diagnostic> {
    let lower = value.to_lowercase();
    let found = all.iter().find(|(name, _)| *name == lower);
    found.map(|(_, found)| *found).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let message = format!("unsupported {what} {}", quoted(value));
        invalid(with_suggestion(message, value, names.iter().copied()), span)
            .help(format!("one of {}", names.join(", ")))
    })
}
