//! `requires`: what the engine must offer for the rule to be read at all.

use super::parts;
use crate::context::Context;
use event::Buffer;

/// Whether the context meets `requires:feature geoip, version >= 8.0.0 < 9, keyword dns.query`.
///
/// Ok(None) where it does, Ok(Some(why)) where the rule is for another engine.
pub(crate) fn unmet(value: &str, context: &Context) -> Result<Option<String>, String> {
    for item in parts(value, ',') {
        let (key, argument) = item
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((item, ""));
        let argument = argument.trim();
        let is_met = match key {
            "version" => version_fits(argument, context.version)?,
            "feature" => context.features.contains(argument),
            "keyword" => keyword_is_known(argument),
            _ => return Ok(Some(format!("requires `{item}`, which is not known here"))),
        };
        if !is_met {
            return Ok(Some(format!("requires {item}")));
        }
    }
    Ok(None)
}

fn keyword_is_known(name: &str) -> bool {
    Buffer::parse(name).is_some()
        || Buffer::parse_modifier(name).is_some()
        || event::Number::parse(name).is_some()
        || KNOWN.contains(&name)
}

const KNOWN: &[&str] = &[
    "sid",
    "gid",
    "rev",
    "msg",
    "classtype",
    "reference",
    "metadata",
    "priority",
    "content",
    "pcre",
    "flow",
    "flowbits",
    "flowint",
    "xbits",
    "hostbits",
    "byte_test",
    "byte_jump",
    "byte_extract",
    "byte_math",
    "isdataat",
    "bsize",
    "dsize",
    "dataset",
    "datarep",
    "iprep",
    "threshold",
    "detection_filter",
    "tag",
    "target",
    "filestore",
    "fileext",
    "filename",
    "filemagic",
    "filemd5",
    "filesha1",
    "filesha256",
    "filesize",
    "app-layer-event",
    "app-layer-protocol",
    "decode-event",
    "stream-event",
    "stream_size",
    "urilen",
    "entropy",
    "absent",
    "flow.age",
    "flow.pkts",
    "flow.bytes",
    "vlan.id",
    "vlan.layers",
    "base64_decode",
    "requires",
    "msg",
    "sid",
    "gid",
    "rev",
    "priority",
    "classtype",
    "reference",
    "metadata",
    "noalert",
    "alert",
    "bypass",
    "prefilter",
    "fast_pattern",
    "nocase",
    "rawbytes",
    "offset",
    "depth",
    "distance",
    "within",
    "startswith",
    "endswith",
    "replace",
    "uricontent",
    "pkt_data",
    "base64_data",
    "config",
    "geoip",
    "rpc",
    "sameip",
    "flags",
    "tcp.flags",
    "fragbits",
    "fragoffset",
    "ipopts",
    "ip_proto",
    "ttl",
    "tos",
    "id",
    "itype",
    "icode",
    "icmp_id",
    "icmp_seq",
    "icmpv6.mtu",
    "seq",
    "tcp.seq",
    "ack",
    "tcp.ack",
    "window",
    "tcp.window",
    "tcp.mss",
    "tcp.wscale",
    "ipv4-csum",
    "tcpv4-csum",
    "tcpv6-csum",
    "udpv4-csum",
    "udpv6-csum",
    "icmpv4-csum",
    "icmpv6-csum",
    "flow.pkts_toserver",
    "flow.pkts_toclient",
    "flow.bytes_toserver",
    "flow.bytes_toclient",
    "engine-event",
    "tls.version",
    "ssl_version",
    "ssl_state",
    "tls.store",
    "ssh.protoversion",
    "ssh.softwareversion",
    "tls.fingerprint",
    "tls.subject",
    "tls.issuerdn",
    "to_md5",
    "to_sha1",
    "to_sha256",
    "to_lowercase",
    "to_uppercase",
    "strip_whitespace",
    "compress_whitespace",
    "url_decode",
    "dotprefix",
    "domain",
    "tld",
    "header_lowercase",
    "strip_pseudo_headers",
    "xor",
    "pcrexform",
    "from_base64",
    "gunzip",
    "zlib_deflate",
    "bidir.toserver",
    "bidir.toclient",
];

/// Alternatives between `|`, each a list of comparisons that must all hold.
fn version_fits(text: &str, have: (u16, u16, u16)) -> Result<bool, String> {
    let mut fits = false;
    for alternative in text.split('|') {
        let spaced = alternative.replace(">=", " >= ").replace("<=", " <= ");
        let mut words = spaced.split_ascii_whitespace().peekable();
        if words.peek().is_none() {
            return Err(
                "requires: version needs a comparison, such as `version >= 8.0.0`".to_owned(),
            );
        }
        let mut all = true;
        while let Some(word) = words.next() {
            let (operator, rest) = match word {
                ">=" | "<=" | ">" | "<" => (word, words.next().unwrap_or_default()),
                _ => match (word.strip_prefix('>'), word.strip_prefix('<')) {
                    (Some(rest), _) => (">", rest),
                    (_, Some(rest)) => ("<", rest),
                    _ => {
                        return Err(format!(
                            "requires: `{word}` is no comparison; write `version >= 8.0.0`"
                        ));
                    }
                },
            };
            let wanted =
                version(rest).ok_or_else(|| format!("requires: `{rest}` is no version"))?;
            all &= match operator {
                ">=" => have >= wanted,
                "<=" => have <= wanted,
                ">" => have > wanted,
                _ => have < wanted,
            };
        }
        fits |= all;
    }
    Ok(fits)
}

fn version(text: &str) -> Option<(u16, u16, u16)> {
    let text = text.split('-').next()?;
    let mut numbers = text.split('.').map(str::parse::<u16>);
    let first = numbers.next()?.ok()?;
    let second = numbers.next().transpose().ok()?.unwrap_or(0);
    let third = numbers.next().transpose().ok()?.unwrap_or(0);
    numbers.next().is_none().then_some((first, second, third))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<bool>) {
        assert_eq!(version_fits(text, (8, 0, 2)).ok(), expected, "{text}");
    }

    #[test]
    fn compares_versions() {
        check(">= 7", Some(true));
        check(">= 7 < 8", Some(false));
        check(">= 7.0.3 < 8 | >= 8.0.1", Some(true));
        check("< 8.0.2", Some(false));
        check(">=8.0.2", Some(true));
        check("8", None);
        check("> x", None);
        check("", None);
    }
}
