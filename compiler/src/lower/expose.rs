//! EXPOSE: the one instruction whose variables may become several words.

use std::ops::RangeInclusive;

use grammar::instruction::Expose;
use grammar::{Diagnostic, Span, Word};

use super::Cx;
use crate::expand::{self, Unset};
use crate::facts::Fact;
use crate::image::{Made, quoted, spaced};

/// What a port takes up in lists and texts, in bytes.
const PORT_WEIGHT: usize = 64;

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Expose) -> Result<(), Diagnostic> {
    let mut words: Vec<&Word> = it.ports.iter().collect();
    // BuildKit sorts before it expands.
    words.sort_by(|a, b| a.text.cmp(&b.text));
    let mut ports = Vec::new();
    let mut mistakes = Vec::new();
    for word in words {
        let env = &cx.conversion.stages[cx.index].tree.env;
        let parts = expand::parts(word, cx.conversion.file.dialect.escape);
        let expansion = match parts.and_then(|parts| expand::expand(&parts, env, Unset::Empty)) {
            Ok(expansion) => expansion,
            Err(mistake) => {
                mistakes.push(mistake);
                continue;
            }
        };
        cx.spend(expansion.work)?;
        for raw in expansion.words {
            let port = match parse(&raw, word.span) {
                Ok(port) => port,
                Err(mistake) => {
                    mistakes.push(mistake);
                    continue;
                }
            };
            cx.spend(port.numbers().len() * PORT_WEIGHT)?;
            note(cx, &raw, &port, word.span);
            ports.extend(port.numbers().map(|number| format!("{number}/{}", port.protocol)));
        }
    }
    cx.fail(mistakes)?;
    for port in &ports {
        cx.stage().image.config.exposed_ports.insert(port.clone(), oci::config::Empty {});
    }
    cx.commit(format!("EXPOSE {}", spaced(&ports)), Made::Nothing);
    Ok(())
}

fn note(cx: &mut Cx<'_, '_>, raw: &str, port: &Port, span: Span) {
    if port.shouted {
        cx.conversion.out.note(Fact::ProtocolCasing { port: raw.to_owned(), span });
    }
    if port.with_host {
        cx.conversion.out.note(Fact::HostInExpose { port: raw.to_owned(), span });
    }
}

/// `[ip:][host:]first[-last][/protocol]`
#[derive(Debug, PartialEq, Eq)]
struct Port {
    first: u16,
    last: u16,
    /// In lower case.
    protocol: String,
    /// Whether the protocol was not in lower case.
    shouted: bool,
    /// Whether there was an address or a port of the host.
    with_host: bool,
}

impl Port {
    fn numbers(&self) -> RangeInclusive<u16> {
        self.first..=self.last
    }
}

fn parse(raw: &str, span: Span) -> Result<Port, Diagnostic> {
    let invalid = |message: String| {
        Diagnostic::error("invalid-port", message, span)
            .help("write a port from 0 to 65535 or a range, then `/tcp`, `/udp` or `/sctp`: `8000-8010/udp`")
    };
    let parts: Vec<&str> = raw.split(':').collect();
    let (container, before) = parts.split_last().expect("split gives at least one part");
    let (host, address) = match before.split_last() {
        None => ("", String::new()),
        Some((host, address)) => (*host, address.join(":")),
    };
    let (container, protocol) = container.split_once('/').unwrap_or((container, ""));
    if container.is_empty() {
        return Err(invalid(format!("invalid port: {}: no port specified", quoted(raw))));
    }
    let lower = match protocol.to_lowercase().as_str() {
        "" => "tcp".to_owned(),
        known @ ("tcp" | "udp" | "sctp") => known.to_owned(),
        _ => {
            let message = format!("invalid port: {}: invalid proto: {protocol}", quoted(raw));
            return Err(invalid(message));
        }
    };
    let bare = address.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(&address);
    if !address.is_empty() && bare.parse::<std::net::IpAddr>().is_err() {
        return Err(invalid(format!("invalid IP address: {bare}")));
    }
    let (first, last) =
        range(container).ok_or_else(|| invalid(format!("invalid containerPort: {container}")))?;
    if !host.is_empty() {
        let (host_first, host_last) =
            range(host).ok_or_else(|| invalid(format!("invalid hostPort: {host}")))?;
        if last - first != host_last - host_first && last != first {
            return Err(invalid(format!(
                "invalid ranges specified for container and host Ports: {container} and {host}"
            )));
        }
    }
    Ok(Port {
        first,
        last,
        shouted: protocol != protocol.to_lowercase(),
        protocol: lower,
        with_host: !address.is_empty() || !host.is_empty(),
    })
}

fn range(text: &str) -> Option<(u16, u16)> {
    let number = |text: &str| match text.strip_prefix('-') {
        Some(zero) => zero.parse().ok().filter(|number| *number == 0_u16),
        None => text.parse().ok(),
    };
    match text.split_once('-') {
        None => number(text).map(|port| (port, port)),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some((first, last))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports() {
        for (raw, first, last, protocol) in [
            ("80", 80, 80, "tcp"),
            ("80/UDP", 80, 80, "udp"),
            ("8000-8002/sctp", 8000, 8002, "sctp"),
            ("127.0.0.1:8080:80", 80, 80, "tcp"),
            ("[::1]:8080-8090:80", 80, 80, "tcp"),
            ("0", 0, 0, "tcp"),
        ] {
            let port = parse(raw, Span::new(0, 0)).unwrap();
            assert_eq!(
                (port.first, port.last, port.protocol.as_str()),
                (first, last, protocol),
                "{raw}"
            );
        }
        for (raw, want) in [
            ("abc", "invalid containerPort: abc"),
            ("70000", "invalid containerPort: 70000"),
            ("90-80", "invalid containerPort: 90-80"),
            ("80/foo", "invalid port: \"80/foo\": invalid proto: foo"),
            ("/tcp", "invalid port: \"/tcp\": no port specified"),
            ("x:80", "invalid hostPort: x"),
            ("1-2:80-82", "invalid ranges specified for container and host Ports: 80-82 and 1-2"),
            ("999.0.0.1:1:80", "invalid IP address: 999.0.0.1"),
        ] {
            assert_eq!(parse(raw, Span::new(0, 0)).unwrap_err().message, want);
        }
    }
}
