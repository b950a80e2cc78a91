//! Where to read more: addresses in the reference of Dockerfiles.

use grammar::instruction::Keyword;

/// The reference.
const REFERENCE: &str = "https://docs.docker.com/reference/dockerfile/";

/// The section about an instruction.
pub(crate) fn instruction(keyword: Keyword) -> String {
    format!("{REFERENCE}#{}", keyword.name().to_lowercase())
}

/// The section about a flag.
pub(crate) fn flag(keyword: Keyword, name: &str) -> String {
    let keyword = keyword.name().to_lowercase();
    match (keyword.as_str(), name) {
        // The flags of these have no sections of their own.
        ("healthcheck" | "from", _) => format!("{REFERENCE}#{keyword}"),
        ("add", "chown" | "chmod") => format!("{REFERENCE}#add---chown---chmod"),
        ("copy", "chown" | "chmod") => format!("{REFERENCE}#copy---chown---chmod"),
        (keyword, name) => format!("{REFERENCE}#{keyword}---{name}"),
    }
}

/// The section about a type of mounts.
pub(crate) fn mount(name: &str) -> String {
    format!("{REFERENCE}#run---mounttype{name}")
}

/// The section about a parser directive.
pub(crate) fn directive(name: &str) -> String {
    format!("{REFERENCE}#{name}")
}
