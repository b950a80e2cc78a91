//! Platform specifiers, read as containerd/platforms reads them.

use super::Platform;

/// Why a text is no platform. The wording is containerd's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// `*` somewhere.
    #[error("{0:?}: wildcards not yet supported: invalid argument")]
    Wildcard(String),
    /// The system has characters that it may not have.
    #[error(
        "{part:?} is an invalid OS component of {text:?}: OSAndVersion specifier component must match {OS_GRAMMAR:?}: \
         invalid argument"
    )]
    Os {
        /// The first part.
        part: String,
        /// The whole.
        text: String,
    },
    /// Architecture or variant have characters that they may not have.
    #[error(
        "{part:?} is an invalid component of {text:?}: platform specifier component must match {PART_GRAMMAR:?}: \
         invalid argument"
    )]
    Component {
        /// The part.
        part: String,
        /// The whole.
        text: String,
    },
    /// A version or feature of the system with a broken `%` escape, or an empty feature.
    #[error("{0:?} has invalid OS options: invalid argument")]
    OsOptions(String),
    /// One word that is neither.
    #[error("{0:?}: unknown operating system or architecture: invalid argument")]
    Unknown(String),
    /// More than three parts.
    #[error("{0:?}: cannot parse platform specifier: invalid argument")]
    TooManyParts(String),
}

const OS_GRAMMAR: &str = r"^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$";
const PART_GRAMMAR: &str = r"^[A-Za-z0-9_.-]+$";

const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

const ARCHITECTURES: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "ppc64",
    "ppc64le",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

impl Platform {
    /// Parses `OS`, `ARCH`, `OS/ARCH` or `OS/ARCH/VARIANT`; a missing system is Linux, a missing architecture this
    /// machine's. As containerd's `Parse`, the result is not wholly normal: `linux/arm` has no variant and
    /// `linux/arm64/v8` keeps it; [`Platform::normalized`] does the rest.
    ///
    /// # Errors
    /// In containerd's words.
    pub fn parse(text: &str) -> Result<Platform, PlatformError> {
        if text.contains('*') {
            return Err(PlatformError::Wildcard(text.to_owned()));
        }
        let mut parts = text.splitn(4, '/');
        let first = parts.next().unwrap_or_default();
        let mut platform = parse_os(first, text)?;
        let rest: Vec<&str> = parts.collect();
        for part in &rest {
            let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-');
            if part.is_empty() || !part.bytes().all(fits) {
                return Err(PlatformError::Component { part: (*part).into(), text: text.into() });
            }
        }
        let (architecture, variant) = match rest.as_slice() {
            [] if SYSTEMS.contains(&platform.os.as_str()) => {
                let host = Platform::host();
                (host.architecture, String::new())
            }
            [] => {
                let (architecture, variant) = normalize_architecture(first, "");
                if !ARCHITECTURES.contains(&architecture.as_str()) {
                    return Err(PlatformError::Unknown(text.to_owned()));
                }
                platform.os = "linux".to_owned();
                (architecture, variant)
            }
            [architecture] => normalize_architecture(architecture, ""),
            [architecture, variant] => {
                let (architecture, variant) = normalize_architecture(architecture, variant);
                let variant = match (architecture.as_str(), variant.as_str()) {
                    ("arm64", "") => "v8".to_owned(),
                    _ => variant,
                };
                return Ok(platform.completed(architecture, variant));
            }
            _ => return Err(PlatformError::TooManyParts(text.to_owned())),
        };
        // A variant that nobody wrote is left out.
        let implied = architecture == "arm" && variant == "v7";
        Ok(platform.completed(architecture, if implied { String::new() } else { variant }))
    }

    fn completed(self, architecture: String, variant: String) -> Platform {
        let variant = Some(variant).filter(|variant| !variant.is_empty());
        Platform { architecture, variant, ..self }
    }
}

/// `os[(version[+feature]...)]`
fn parse_os(part: &str, text: &str) -> Result<Platform, PlatformError> {
    let broken = || PlatformError::Os { part: part.to_owned(), text: text.to_owned() };
    let (name, options) = match part.split_once('(') {
        Some((name, options)) => (name, Some(options.strip_suffix(')').ok_or_else(broken)?)),
        None => (part, None),
    };
    let in_name = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-');
    let in_option = |c: u8| in_name(c) || matches!(c, b'.' | b'%');
    if name.is_empty() || !name.bytes().all(in_name) {
        return Err(broken());
    }
    let mut platform = Platform { os: normalize_os(name), ..Platform::default() };
    let Some(options) = options else { return Ok(platform) };
    for (position, option) in options.split('+').enumerate() {
        if !option.bytes().all(in_option) || (position > 0 && option.is_empty()) {
            return Err(broken());
        }
        let option =
            unescape_option(option).ok_or_else(|| PlatformError::OsOptions(text.to_owned()))?;
        match position {
            0 => platform.os_version = Some(option).filter(|version| !version.is_empty()),
            _ => platform.os_features.extend(Some(option).filter(|feature| !feature.is_empty())),
        }
    }
    Ok(platform)
}

fn unescape_option(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

pub(super) fn escape_option(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        match c {
            '%' | '+' | '(' | ')' | '/' => escaped.push_str(&format!("%{:02X}", u32::from(c))),
            c => escaped.push(c),
        }
        escaped
    })
}

pub(super) fn normalize_os(os: &str) -> String {
    match os.to_lowercase().as_str() {
        "" => "linux".to_owned(),
        "macos" => "darwin".to_owned(),
        other => other.to_owned(),
    }
}

/// Architecture and variant in their normal form; an empty variant is none.
pub(super) fn normalize_architecture(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = (architecture.to_lowercase(), variant.to_lowercase());
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64" | "arm64", variant) => ("arm64", variant),
        ("armhf", _) => ("arm", "v7"),
        ("armel", _) => ("arm", "v6"),
        ("arm", "" | "7") => ("arm", "v7"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "6") => ("arm", "v6"),
        ("arm", "8") => ("arm", "v8"),
        (architecture, variant) => (architecture, variant),
    };
    (architecture.to_owned(), variant.to_owned())
}
