//! The part of a rule before its options: action, protocol, addresses, ports, arrow.

use crate::lexer::is_blank;
use crate::rule::{Action, Arrow, Protocol, RejectTo};
use event::AppProtocol;

/// The fields of a header with their offsets in the rule, nothing resolved yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Action, protocol, source, its ports, arrow, destination, its ports.
    ///
    /// Only the first two where the rule names no ends, as Snort 3 allows.
    pub fields: Vec<(usize, &'a str)>,
    /// What stands between the parentheses.
    pub options: &'a str,
    /// Offset of `options`.
    pub options_at: usize,
}

/// Splits a rule; blanks inside `[lists]` are part of the list.
///
/// # Errors
/// Offset and reason.
pub fn split(rule: &str) -> Result<Header<'_>, (usize, String)> {
    let mut fields: Vec<(usize, &str)> = Vec::with_capacity(7);
    let (mut at, bytes) = (0, rule.as_bytes());
    loop {
        while bytes.get(at).is_some_and(|&b| is_blank(b.into())) {
            at += 1;
        }
        match bytes.get(at) {
            None => {
                return Err((
                    at,
                    "the rule has no options; write them in parentheses: `(msg:\"…\"; sid:1;)`"
                        .to_owned(),
                ));
            }
            Some(b'(') => break,
            Some(_) if fields.len() == 7 => {
                return Err((
                    at,
                    "the rule's header has more than seven fields; its options begin with `(`"
                        .to_owned(),
                ));
            }
            Some(_) => {}
        }
        let (start, mut depth) = (at, 0_u32);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'[' => depth += 1,
                b']' => depth = depth.saturating_sub(1),
                b'(' if depth == 0 => break,
                _ if depth == 0 && is_blank(byte.into()) => break,
                _ => {}
            }
            at += 1;
        }
        if depth > 0 {
            return Err((
                start,
                "a list opens with `[` and does not close with `]`".to_owned(),
            ));
        }
        fields.push((start, rule.get(start..at).unwrap_or_default()));
    }
    if !matches!(fields.len(), 2 | 7) {
        let wanted = "action protocol source ports -> destination ports (options)";
        return Err((
            at,
            format!(
                "the header has {} fields where it needs seven: {wanted}",
                fields.len()
            ),
        ));
    }
    let inner = rule
        .get(at + 1..)
        .unwrap_or_default()
        .trim_end_matches(is_blank);
    // Suricata reads a rule without its last parenthesis; its options must be complete all the same.
    let options = inner
        .strip_suffix(')')
        .or_else(|| inner.ends_with(';').then_some(inner));
    let Some(options) = options else {
        return Err((rule.len(), "the options do not end with `)`".to_owned()));
    };
    Ok(Header {
        fields,
        options,
        options_at: at + 1,
    })
}

/// Reads an action.
///
/// # Errors
/// In words.
pub fn action(text: &str) -> Result<Action, String> {
    Ok(match text {
        "alert" => Action::Alert,
        "pass" => Action::Pass,
        "drop" | "block" | "sdrop" => Action::Drop,
        "reject" | "rejectsrc" => Action::Reject(RejectTo::Source),
        "rejectdst" => Action::Reject(RejectTo::Destination),
        "rejectboth" => Action::Reject(RejectTo::Both),
        "config" => Action::Config,
        _ => {
            return Err(format!(
                "`{text}` is no action; write alert, pass, drop, reject, rejectsrc, rejectdst, rejectboth or config"
            ));
        }
    })
}

/// Reads an arrow.
///
/// # Errors
/// In words.
pub fn arrow(text: &str) -> Result<Arrow, String> {
    Ok(match text {
        "->" => Arrow::Forward,
        "<>" => Arrow::Either,
        "=>" => Arrow::Transaction,
        "<-" => return Err("`<-` is no direction; swap the ends and write `->`".to_owned()),
        _ => {
            return Err(format!(
                "`{text}` is no direction; write `->`, `<>` or `=>`"
            ));
        }
    })
}

/// Hooks that any application protocol has.
const COMMON_HOOKS: &[&str] = &[
    "request_started",
    "request_complete",
    "response_started",
    "response_complete",
];

/// Reads a protocol with the hook behind its colon.
///
/// # Errors
/// In words.
pub fn protocol(text: &str) -> Result<(Protocol, Option<String>), String> {
    let lower = text.to_ascii_lowercase();
    let (name, hook) = match lower.split_once(':') {
        Some((name, hook)) => (name, Some(hook)),
        None => (lower.as_str(), None),
    };
    let protocol = match name {
        "ip" => Protocol::Ip { family: None },
        "ipv4" | "ip4" => Protocol::Ip { family: Some(4) },
        "ipv6" | "ip6" => Protocol::Ip { family: Some(6) },
        "tcp" => Protocol::Tcp,
        "tcp-pkt" => Protocol::TcpPacket,
        "tcp-stream" => Protocol::TcpStream,
        "udp" => Protocol::Udp,
        "icmp" => Protocol::Icmp { family: None },
        "icmpv4" => Protocol::Icmp { family: Some(4) },
        "icmpv6" => Protocol::Icmp { family: Some(6) },
        "sctp" => Protocol::Sctp,
        "pkthdr" => Protocol::PacketHeader,
        "ether" => Protocol::Ether,
        "arp" => Protocol::Arp,
        "unknown" | "failed" => return Err(format!("`{name}` is no protocol that a rule can name")),
        _ => Protocol::App(AppProtocol::parse(name).ok_or_else(|| {
            format!("protocol `{}` is not known; write ip, tcp, udp, icmp or an application protocol such as http", readable(name))
        })?),
    };
    if let Some(hook) = hook {
        check_hook(protocol, name, hook)?;
    }
    Ok((protocol, hook.map(|_| lower.clone())))
}

fn readable(name: &str) -> String {
    crate::lexer::readable(name).chars().take(40).collect()
}

fn check_hook(protocol: Protocol, name: &str, hook: &str) -> Result<(), String> {
    let is_known = match protocol {
        Protocol::App(app) => COMMON_HOOKS.contains(&hook) || states(app).contains(&hook),
        Protocol::Tcp
        | Protocol::Udp
        | Protocol::Ip { .. }
        | Protocol::Icmp { .. }
        | Protocol::Sctp
        | Protocol::PacketHeader => {
            matches!(hook, "all" | "flow_start" | "pre_flow" | "pre_stream")
        }
        _ => false,
    };
    is_known
        .then_some(())
        .ok_or_else(|| format!("protocol `{name}` has no hook `{}`", readable(hook)))
}

/// The named states of a protocol's transactions, as Suricata's parsers give them.
fn states(protocol: AppProtocol) -> &'static [&'static str] {
    match protocol {
        AppProtocol::Http1 => &[
            "request_line",
            "request_headers",
            "request_body",
            "request_trailer",
            "response_line",
            "response_headers",
            "response_body",
            "response_trailer",
        ],
        AppProtocol::Tls => &[
            "client_in_progress",
            "client_hello",
            "client_hello_done",
            "client_cert_done",
            "client_handshake_done",
            "client_finished",
            "server_in_progress",
            "server_hello",
            "server_cert_done",
            "server_hello_done",
            "server_handshake_done",
            "server_finished",
        ],
        AppProtocol::Ssh => &[
            "request_in_progress",
            "request_banner_wait_eol",
            "request_banner_done",
            "request_finished",
            "response_in_progress",
            "response_banner_wait_eol",
            "response_banner_done",
            "response_finished",
        ],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &str, expected: Option<(usize, &str)>) {
        let header = split(rule).ok();
        assert_eq!(
            header.map(|h| (h.fields.len(), h.options)),
            expected,
            "{rule}"
        );
    }

    #[test]
    fn splits_fields_and_options() {
        check("alert tcp any any -> any any (sid:1;)", Some((7, "sid:1;")));
        check(
            "alert tcp [1.1.1.1, 2.2.2.2] any -> any [80, 81](sid:1;) ",
            Some((7, "sid:1;")),
        );
        check("alert http (sid:1;)", Some((2, "sid:1;")));
        check("alert tcp any any -> any (sid:1;)", None);
        check("alert tcp any any -> any any any (sid:1;)", None);
        check("alert tcp any any -> any any (sid:1;", Some((7, "sid:1;")));
        check("alert tcp any any -> any any (sid:1", None);
        check("alert tcp any any -> any any", None);
        check("alert tcp [1.1.1.1 any -> any any (sid:1;)", None);
        check("", None);
    }

    #[test]
    fn knows_hooks_of_protocols() {
        assert_eq!(
            protocol("http1:request_line").unwrap().1.as_deref(),
            Some("http1:request_line")
        );
        assert_eq!(protocol("tcp:flow_start").unwrap().0, Protocol::Tcp);
        assert!(protocol("tcp:request_line").is_err());
        assert!(protocol("nosuch").is_err());
    }
}
