//! Keywords about application protocols: which one it is, its events, and TLS and SSH values that
//! are no sticky buffer.

use super::content::{bytes, negated};
use super::numbers::{compare, unsigned};
use super::unquoted;
use crate::builder::Builder;
use crate::rule::{Compare, Condition, Content, PayloadMatch, ProtocolView, Value};
use event::{AppProtocol, Buffer, Number};

pub(super) fn app_layer_protocol(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (value, is_negated) = negated(value);
    let (name, mode) = match value.split_once(',') {
        Some((name, mode)) => (name.trim(), Some(mode.trim())),
        None => (unquoted(value), None),
    };
    let lower = name.to_ascii_lowercase();
    let protocol = AppProtocol::parse(&lower)
        .ok_or_else(|| format!("app-layer protocol `{name}` is not known"))?;
    let view = match mode {
        None => ProtocolView::Direction,
        Some("final") => ProtocolView::Final,
        Some("either") => ProtocolView::Either,
        Some("to_server") => ProtocolView::ToServer,
        Some("to_client") => ProtocolView::ToClient,
        Some("original") => ProtocolView::Original,
        Some(other) => {
            return Err(format!(
                "`{other}` is no mode of app-layer-protocol; final, either, to_server, to_client and original are"
            ));
        }
    };
    if matches!(b.rule.protocol, crate::rule::Protocol::App(_)) {
        return Err("the rule's header already names a protocol; remove app-layer-protocol or write tcp, udp or ip in the header".to_owned());
    }
    let asked = b
        .rule
        .conditions
        .iter()
        .find_map(|condition| match condition {
            Condition::AppLayerProtocol {
                protocol: p,
                view: v,
                is_negated: n,
            } if *v == view && (*n != is_negated || !n || *p == protocol) => Some(()),
            _ => None,
        });
    if asked.is_some() {
        return Err("app-layer-protocol stands twice under the same mode and the two contradict or repeat each other: can't have duplicate or overlapping entries; keep one".to_owned());
    }
    if !is_negated && !b.context.protocols.contains(&protocol) {
        b.degraded
            .push(format!("protocol {} is not parsed yet", protocol.as_str()));
    }
    b.condition(Condition::AppLayerProtocol {
        protocol,
        view,
        is_negated,
    })
}

pub(super) fn app_layer_event(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let text = unquoted(value).to_ascii_lowercase();
    let Some((protocol, event)) = text.split_once('.') else {
        if !text.starts_with("applayer_") {
            return Err(format!(
                "`{text}` is no event; write protocol.event, such as http.request_field_too_long"
            ));
        }
        return b.condition(Condition::AppLayerEvent {
            protocol: None,
            event: text,
        });
    };
    let app = AppProtocol::parse(protocol)
        .ok_or_else(|| format!("protocol `{protocol}` of the event is not known"))?;
    let event = event.to_owned();
    if let Some(wanted) = AppProtocol::ALL
        .iter()
        .position(|p| *p == app)
        .and_then(|at| AppProtocol::ALL.get(at..=at))
    {
        b.want(wanted, "app-layer-event");
    }
    b.condition(Condition::AppLayerEvent {
        protocol: Some(app),
        event,
    })
}

/// `tls.version:1.2`, also `0x0303`.
pub(super) fn tls_version(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (text, is_negated) = negated(value);
    let text = unquoted(text);
    let version = match text {
        "1.0" => 0x0301,
        "1.1" => 0x0302,
        "1.2" => 0x0303,
        "1.3" => 0x0304,
        _ => unsigned(text)
            .filter(|n| *n <= 0xffff && text.starts_with("0x"))
            .ok_or_else(|| {
                format!("`{text}` is no version of TLS; 1.0, 1.1, 1.2, 1.3 and 0x… are")
            })?,
    };
    b.want(&[AppProtocol::Tls], "tls.version");
    let compare = if is_negated {
        Compare::NotEqual(version)
    } else {
        Compare::Equal(version)
    };
    b.condition(Condition::Number {
        number: Number::TlsVersion,
        compare,
        index: None,
    })
}

const SSL_VERSIONS: &[&str] = &["sslv2", "sslv3", "tls1.0", "tls1.1", "tls1.2", "tls1.3"];
const SSL_STATES: &[&str] = &[
    "client_hello",
    "server_hello",
    "client_keyx",
    "server_keyx",
    "unknown",
];

/// `ssl_version:[!]tls1.0,…`.
pub(super) fn ssl_version(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let text = unquoted(value).to_ascii_lowercase();
    known_items(&text, &[',', ' '], SSL_VERSIONS, "version")?;
    b.want(&[AppProtocol::Tls], "ssl_version");
    b.condition(Condition::Keyword {
        name: "ssl_version".to_owned(),
        argument: text,
        is_negated: false,
    })
}

/// `ssl_state:client_hello|server_hello`.
pub(super) fn ssl_state(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let text = unquoted(value).to_ascii_lowercase();
    known_items(&text, &['|', ','], SSL_STATES, "state")?;
    b.want(&[AppProtocol::Tls], "ssl_state");
    b.condition(Condition::Keyword {
        name: "ssl_state".to_owned(),
        argument: text,
        is_negated: false,
    })
}

fn known_items(text: &str, separators: &[char], known: &[&str], what: &str) -> Result<(), String> {
    for item in text
        .split(separators)
        .map(str::trim)
        .filter(|item| !item.is_empty())
    {
        let item = item.trim_start_matches('!').trim();
        if !known.contains(&item) {
            return Err(format!("`{item}` is no {what}; {} are", known.join(", ")));
        }
    }
    (!text.is_empty())
        .then_some(())
        .ok_or_else(|| format!("no {what} is named"))
}

/// Old keywords with a value that is looked for in a buffer: `tls.subject:"CN=…"`.
pub(super) fn contains(
    b: &mut Builder<'_>,
    buffer: Buffer,
    value: &str,
    is_whole: bool,
) -> Result<(), String> {
    let (text, is_negated) = negated(value);
    let bytes = bytes(unquoted(text))?;
    if bytes.is_empty() {
        return Err("the value is empty".to_owned());
    }
    let length = bytes.len() as i64;
    let content = Content {
        is_nocase: false,
        is_negated,
        offset: is_whole.then_some(Value::Number(0)),
        depth: is_whole.then_some(Value::Number(length)),
        distance: None,
        within: None,
        is_at_end: is_whole,
        is_at_start: is_whole,
        is_raw: false,
        fast_pattern: None,
        replacement: None,
        bytes,
    };
    b.want(buffer.protocols(), buffer.as_str());
    let (last_content, last_place) = (b.last_content, b.last_place);
    let at = b.entry(buffer, true);
    b.push(at, PayloadMatch::Content(content))?;
    (b.last_content, b.last_place) = (last_content, last_place);
    Ok(())
}

/// `ssh.protoversion:2_compat`.
pub(super) fn ssh_protoversion(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let text = unquoted(value);
    if text.is_empty()
        || !(text == "2_compat" || text.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    {
        return Err(format!(
            "`{text}` is no version of SSH; write 2_compat, 1.99 or 2.0"
        ));
    }
    b.want(&[AppProtocol::Ssh], "ssh.protoversion");
    let pattern = match text {
        "2_compat" => "^(?:2|1\\.99)".to_owned(),
        _ => format!("^{}$", text.replace('.', "\\.")),
    };
    let at = b.entry(Buffer::SshProto, true);
    let found = crate::rule::Pcre {
        pattern,
        options: String::new(),
        is_relative: false,
        is_negated: false,
        captures: Vec::new(),
    };
    b.push(at, PayloadMatch::Pcre(found))
}

/// `urilen:5<>10,norm`.
pub(super) fn urilen(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (text, is_raw) = match value
        .split_once(',')
        .map(|(text, form)| (text, form.trim()))
    {
        Some((text, "raw")) => (text, true),
        Some((text, "norm")) => (text, false),
        Some((_, other)) => {
            return Err(format!("`{other}` is no form of the URI; raw and norm are"));
        }
        None => (value, true),
    };
    let compare = compare(text, u16::MAX.into())?;
    b.want(
        &[AppProtocol::Http, AppProtocol::Http1, AppProtocol::Http2],
        "urilen",
    );
    b.condition(Condition::UriLen(compare, is_raw))
}

/// A number of a transaction: a comparison, a name that the protocol gives, maybe with an index.
pub(super) fn number(b: &mut Builder<'_>, number: Number, value: &str) -> Result<(), String> {
    let name = number.keyword();
    if number == Number::SmbVersion {
        b.only_once("smb.version").map_err(|_| {
            "Can't use 2 or more smb.version declarations in the same rule; keep one".to_owned()
        })?;
    }
    let protocols = protocols_of(name);
    b.want(protocols, name);
    let is_parsed = protocols
        .iter()
        .any(|protocol| b.context.protocols.contains(protocol));
    let (text, index) = match value.split_once(',') {
        Some((text, index)) => (text.trim(), index.trim().parse::<usize>().ok()),
        None => (value, None),
    };
    let (max, names) = domain_of(number);
    match compare(text, max) {
        Ok(compare) => b.condition(Condition::Number {
            number,
            compare,
            index,
        }),
        Err(why) => {
            let (text, is_negated) = negated(text);
            let named = names
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unquoted(text)));
            match named {
                Some(&(_, n)) => {
                    let compare = if is_negated {
                        Compare::NotEqual(n)
                    } else {
                        Compare::Equal(n)
                    };
                    b.condition(Condition::Number {
                        number,
                        compare,
                        index,
                    })
                }
                // Names of protocols without a parser are its parser's to know.
                None if !is_parsed => b.keyword(name, Some(value)),
                None => Err(why),
            }
        }
    }
}

/// Largest value and names of values.
fn domain_of(number: Number) -> (u64, &'static [(&'static str, u64)]) {
    match number {
        Number::DnsOpcode => (15, &[]),
        Number::DnsRcode => (u16::MAX.into(), DNS_RCODES),
        Number::DnsRrtype => (u16::MAX.into(), DNS_TYPES),
        Number::FtpMode => (1, &[("active", 1), ("passive", 0)]),
        Number::FtpReplyReceived => (
            1,
            &[
                ("yes", 1),
                ("no", 0),
                ("true", 1),
                ("false", 0),
                ("on", 1),
                ("off", 0),
            ],
        ),
        Number::FtpDynamicPort => (u16::MAX.into(), &[]),
        Number::TlsCertChainLen => (u32::MAX.into(), &[]),
        _ => (u64::MAX, &[]),
    }
}

const DNS_RCODES: &[(&str, u64)] = &[
    ("noerror", 0),
    ("formerr", 1),
    ("servfail", 2),
    ("nxdomain", 3),
    ("notimp", 4),
    ("refused", 5),
    ("yxdomain", 6),
    ("yxrrset", 7),
    ("nxrrset", 8),
    ("notauth", 9),
    ("notzone", 10),
    ("badvers", 16),
    ("badsig", 16),
    ("badkey", 17),
    ("badtime", 18),
    ("badmode", 19),
    ("badname", 20),
    ("badalg", 21),
    ("badtrunc", 22),
];

const DNS_TYPES: &[(&str, u64)] = &[
    ("a", 1),
    ("ns", 2),
    ("md", 3),
    ("mf", 4),
    ("cname", 5),
    ("soa", 6),
    ("mb", 7),
    ("mg", 8),
    ("mr", 9),
    ("null", 10),
    ("wks", 11),
    ("ptr", 12),
    ("hinfo", 13),
    ("minfo", 14),
    ("mx", 15),
    ("txt", 16),
    ("rp", 17),
    ("afsdb", 18),
    ("x25", 19),
    ("isdn", 20),
    ("rt", 21),
    ("nsap", 22),
    ("nsapptr", 23),
    ("sig", 24),
    ("key", 25),
    ("px", 26),
    ("gpos", 27),
    ("aaaa", 28),
    ("loc", 29),
    ("nxt", 30),
    ("srv", 33),
    ("atma", 34),
    ("naptr", 35),
    ("kx", 36),
    ("cert", 37),
    ("a6", 38),
    ("dname", 39),
    ("opt", 41),
    ("apl", 42),
    ("ds", 43),
    ("sshfp", 44),
    ("ipseckey", 45),
    ("rrsig", 46),
    ("nsec", 47),
    ("dnskey", 48),
    ("dhcid", 49),
    ("nsec3", 50),
    ("nsec3param", 51),
    ("tlsa", 52),
    ("hip", 55),
    ("cds", 59),
    ("cdnskey", 60),
    ("https", 65),
    ("spf", 99),
    ("tkey", 249),
    ("tsig", 250),
    ("maila", 254),
    ("any", 255),
    ("uri", 256),
];

/// The protocols that a keyword belongs to by its first word.
pub(super) fn protocols_of(keyword: &str) -> &'static [AppProtocol] {
    use AppProtocol as P;
    let word = keyword.split(['.', '_']).next().unwrap_or(keyword);
    match word {
        "dns" => &[P::Dns, P::Doh2, P::Mdns],
        "http2" => &[P::Http2],
        "http" => &[P::Http, P::Http1, P::Http2],
        "tls" | "ssl" => &[P::Tls],
        "ssh" => &[P::Ssh],
        "ftp" => &[P::Ftp],
        "smtp" => &[P::Smtp],
        "smb" => &[P::Smb],
        "dcerpc" | "dce" => &[P::Dcerpc, P::Smb],
        "nfs" => &[P::Nfs],
        "quic" => &[P::Quic],
        "dhcp" => &[P::Dhcp],
        "krb5" => &[P::Krb5],
        "snmp" => &[P::Snmp],
        "sip" => &[P::Sip],
        "rdp" => &[P::Rdp],
        "rfb" => &[P::Rfb],
        "mqtt" => &[P::Mqtt],
        "tftp" => &[P::Tftp],
        "ike" => &[P::Ike],
        "modbus" => &[P::Modbus],
        "dnp3" => &[P::Dnp3],
        "enip" | "cip" => &[P::Enip],
        "ldap" => &[P::Ldap],
        "pgsql" => &[P::Pgsql],
        "websocket" => &[P::Websocket],
        _ => &[],
    }
}
