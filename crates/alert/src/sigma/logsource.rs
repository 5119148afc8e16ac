//! Log sources: which records a rule is about, and what its field names mean there.

use super::field::Field;

/// What a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logsource {
    /// Kinds of records (`event_type`); none: any.
    pub types: &'static [&'static str],
    tables: Vec<&'static [(&'static str, &'static str)]>,
    /// Names that are not mapped are paths of EVE.
    is_eve: bool,
}

/// Names of network fields as many products write them.
const COMMON: &[(&str, &str)] = &[
    ("src_ip", "src_ip"),
    ("dst_ip", "dest_ip"),
    ("dest_ip", "dest_ip"),
    ("src_port", "src_port"),
    ("dst_port", "dest_port"),
    ("dest_port", "dest_port"),
    ("SourceIp", "src_ip"),
    ("DestinationIp", "dest_ip"),
    ("SourcePort", "src_port"),
    ("DestinationPort", "dest_port"),
    ("DestinationHostname", "tls.sni http.hostname"),
    ("Protocol", "proto"),
    ("proto", "proto"),
    ("c-ip", "src_ip"),
    ("s-ip", "dest_ip"),
    ("ClientIP", "src_ip"),
    ("computer", "host"),
    ("Computer", "host"),
    ("id.orig_h", "src_ip"),
    ("id.resp_h", "dest_ip"),
    ("id.orig_p", "src_port"),
    ("id.resp_p", "dest_port"),
    ("uid", "flow_id"),
    ("community_id", "community_id"),
];

const DNS: &[(&str, &str)] = &[
    ("query", "dns.rrname dns.queries.rrname dns.query.rrname"),
    (
        "QueryName",
        "dns.rrname dns.queries.rrname dns.query.rrname",
    ),
    (
        "record_type",
        "dns.rrtype dns.queries.rrtype dns.query.rrtype",
    ),
    (
        "qtype_name",
        "dns.rrtype dns.queries.rrtype dns.query.rrtype",
    ),
    (
        "QueryType",
        "dns.rrtype dns.queries.rrtype dns.query.rrtype",
    ),
    (
        "answer",
        "dns.answers.rdata dns.grouped.A dns.grouped.AAAA dns.grouped.CNAME dns.grouped.TXT",
    ),
    (
        "answers",
        "dns.answers.rdata dns.grouped.A dns.grouped.AAAA dns.grouped.CNAME dns.grouped.TXT",
    ),
    ("rcode_name", "dns.rcode"),
    ("rcode", "dns.rcode"),
    ("trans_id", "dns.id"),
    ("TTLs", "dns.answers.ttl"),
];

const HTTP: &[(&str, &str)] = &[
    ("c-uri", "http.url"),
    ("cs-uri", "http.url"),
    ("uri", "http.url"),
    ("c-uri-stem", "url:stem"),
    ("cs-uri-stem", "url:stem"),
    ("c-uri-query", "url:query"),
    ("cs-uri-query", "url:query"),
    ("c-uri-extension", "url:extension"),
    ("c-useragent", "http.http_user_agent"),
    ("cs-user-agent", "http.http_user_agent"),
    ("user_agent", "http.http_user_agent"),
    ("cs-method", "http.http_method"),
    ("method", "http.http_method"),
    ("cs-host", "http.hostname"),
    ("cs-hostname", "http.hostname"),
    ("r-dns", "http.hostname"),
    ("host", "http.hostname"),
    ("cs-referer", "http.http_refer"),
    ("cs-referrer", "http.http_refer"),
    ("referrer", "http.http_refer"),
    ("cs-version", "http.protocol"),
    ("version", "http.protocol"),
    ("sc-status", "http.status"),
    ("status_code", "http.status"),
    ("sc-bytes", "http.length"),
    ("response_body_len", "http.length"),
    ("cs-content-type", "http.http_content_type"),
    ("resp_mime_types", "http.http_content_type"),
];

const FLOW: &[(&str, &str)] = &[
    ("service", "app_proto"),
    ("orig_bytes", "flow.bytes_toserver"),
    ("resp_bytes", "flow.bytes_toclient"),
    ("orig_ip_bytes", "flow.bytes_toserver"),
    ("resp_ip_bytes", "flow.bytes_toclient"),
    ("orig_pkts", "flow.pkts_toserver"),
    ("resp_pkts", "flow.pkts_toclient"),
    ("duration", "flow.age"),
    ("conn_state", "tcp.state flow.state"),
    ("action", "verdict.action alert.action flow.action"),
    ("blocked", "verdict.action alert.action flow.action"),
];

const TLS: &[(&str, &str)] = &[
    ("server_name", "tls.sni"),
    ("subject", "tls.subject"),
    ("issuer", "tls.issuerdn"),
    ("version", "tls.version"),
    ("ja3", "tls.ja3.hash"),
    ("ja3s", "tls.ja3s.hash"),
    ("ja4", "tls.ja4"),
    ("certificate.subject", "tls.subject"),
    ("certificate.issuer", "tls.issuerdn"),
    ("certificate.serial", "tls.serial"),
    ("certificate.not_valid_before", "tls.notbefore"),
    ("certificate.not_valid_after", "tls.notafter"),
];

const SSH: &[(&str, &str)] = &[
    ("client", "ssh.client.software_version"),
    ("server", "ssh.server.software_version"),
    ("hassh", "ssh.client.hassh.hash"),
    ("hasshServer", "ssh.server.hassh.hash"),
];

const SMTP: &[(&str, &str)] = &[
    ("helo", "smtp.helo"),
    ("mailfrom", "smtp.mail_from"),
    ("rcptto", "smtp.rcpt_to"),
    ("from", "email.from"),
    ("to", "email.to"),
    ("subject", "email.subject"),
    ("date", "email.date"),
    ("user_agent", "email.x_mailer"),
];

const FILES: &[(&str, &str)] = &[
    ("filename", "fileinfo.filename"),
    ("mime_type", "fileinfo.magic"),
    ("md5", "fileinfo.md5"),
    ("sha1", "fileinfo.sha1"),
    ("sha256", "fileinfo.sha256"),
    ("total_bytes", "fileinfo.size"),
    ("source", "app_proto"),
];

const SMB: &[(&str, &str)] = &[
    ("name", "smb.filename smb.named_pipe"),
    ("path", "smb.share smb.filename"),
    ("action", "smb.command"),
    ("share_type", "smb.share_type"),
    ("ShareName", "smb.share"),
    ("RelativeTargetName", "smb.filename"),
];

const RPC: &[(&str, &str)] = &[
    (
        "endpoint",
        "dcerpc.interfaces.uuid smb.dcerpc.interfaces.uuid",
    ),
    ("operation", "dcerpc.req.opnum smb.dcerpc.opnum"),
    ("named_pipe", "smb.named_pipe smb.filename"),
];

const RDP: &[(&str, &str)] = &[
    ("cookie", "rdp.cookie"),
    ("client_name", "rdp.client.client_name"),
    ("client_build", "rdp.client.build"),
    ("keyboard_layout", "rdp.client.keyboard_layout"),
];

const KERBEROS: &[(&str, &str)] = &[
    ("client", "krb5.cname"),
    ("service", "krb5.sname"),
    ("request_type", "krb5.msg_type"),
    ("cipher", "krb5.encryption"),
    ("error_msg", "krb5.error_code"),
];

const FTP: &[(&str, &str)] = &[
    ("command", "ftp.command"),
    ("arg", "ftp.command_data"),
    ("reply_code", "ftp.completion_code"),
    ("reply_msg", "ftp.reply"),
];

const WEIRD: &[(&str, &str)] = &[("name", "anomaly.event"), ("notice", "anomaly.type")];

const NOTICE: &[(&str, &str)] = &[
    ("note", "alert.signature"),
    ("msg", "alert.signature"),
    ("sub", "alert.category"),
];

/// Log source names, kinds of records and field names.
type Entry = (
    &'static str,
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

/// Categories, whatever the product.
const CATEGORIES: [Entry; 6] = [
    ("dns", &["dns"], DNS),
    ("dns_query", &["dns"], DNS),
    ("proxy", &["http"], HTTP),
    ("webserver", &["http"], HTTP),
    ("firewall", &["flow", "drop", "netflow"], FLOW),
    ("network_connection", &["flow", "netflow"], FLOW),
];

/// Services of Zeek: its logs.
const ZEEK: [Entry; 19] = [
    ("conn", &["flow", "netflow"], FLOW),
    ("dns", &["dns"], DNS),
    ("http", &["http"], HTTP),
    ("ssl", &["tls"], TLS),
    ("tls", &["tls"], TLS),
    ("x509", &["tls"], TLS),
    ("ssh", &["ssh"], SSH),
    ("smtp", &["smtp"], SMTP),
    ("files", &["fileinfo"], FILES),
    ("smb_files", &["smb"], SMB),
    ("smb_mapping", &["smb"], SMB),
    ("dce_rpc", &["dcerpc", "smb"], RPC),
    ("rdp", &["rdp"], RDP),
    ("kerberos", &["krb5"], KERBEROS),
    ("ftp", &["ftp"], FTP),
    ("weird", &["anomaly"], WEIRD),
    ("notice", &["alert"], NOTICE),
    ("snmp", &["snmp"], &[]),
    ("ntlm", &["smb"], &[]),
];

/// Kinds of EVE records, as services of product `suricata`.
const EVE: [&[&str]; 36] = [
    &["alert"],
    &["anomaly"],
    &["arp"],
    &["bittorrent_dht"],
    &["dcerpc"],
    &["dhcp"],
    &["dnp3"],
    &["dns"],
    &["drop"],
    &["enip"],
    &["fileinfo"],
    &["flow"],
    &["ftp"],
    &["ftp_data"],
    &["http"],
    &["http2"],
    &["ike"],
    &["krb5"],
    &["ldap"],
    &["mdns"],
    &["modbus"],
    &["mqtt"],
    &["netflow"],
    &["nfs"],
    &["pgsql"],
    &["pop3"],
    &["quic"],
    &["rdp"],
    &["rfb"],
    &["sip"],
    &["smb"],
    &["smtp"],
    &["snmp"],
    &["ssh"],
    &["tftp"],
    &["tls"],
];

impl Logsource {
    /// What a rule's log source means here; the reason in words where no record of it comes.
    pub fn find(
        product: Option<&str>,
        category: Option<&str>,
        service: Option<&str>,
    ) -> Result<Logsource, String> {
        let of = |entry: &Entry, is_eve| Logsource {
            types: entry.1,
            tables: vec![entry.2, COMMON],
            is_eve,
        };
        if let Some(category) = category {
            let known = CATEGORIES.iter().find(|entry| entry.0 == category);
            return known.map(|entry| of(entry, true)).ok_or_else(|| {
                let names: Vec<&str> = CATEGORIES.iter().map(|entry| entry.0).collect();
                format!(
                    "category {category}: no such records come here (known: {})",
                    names.join(", ")
                )
            });
        }
        match (product, service) {
            (Some("zeek" | "bro"), Some(service)) => {
                let known = ZEEK.iter().find(|entry| entry.0 == service);
                known.map(|entry| of(entry, false)).ok_or_else(|| {
                    let names: Vec<&str> = ZEEK.iter().map(|entry| entry.0).collect();
                    format!(
                        "service {service} of zeek: no such records come here (known: {})",
                        names.join(", ")
                    )
                })
            }
            (Some("suricata" | "ratel"), None) => Ok(Logsource {
                types: &[],
                tables: vec![COMMON],
                is_eve: true,
            }),
            (Some("suricata" | "ratel"), Some(service)) => {
                let known = EVE.iter().find(|types| types.contains(&service));
                known
                    .map(|types| Logsource {
                        types,
                        tables: vec![COMMON],
                        is_eve: true,
                    })
                    .ok_or_else(|| format!("service {service}: there are no such records"))
            }
            (Some(product), _) => Err(format!(
                "product {product}: its records do not come here (known: zeek with a service, suricata, \
                 and the categories dns, proxy, webserver, firewall, network_connection)"
            )),
            (None, Some(service)) => Err(format!("service {service} without a product")),
            (None, None) => Err("the log source names neither product nor category".to_owned()),
        }
    }

    /// Whether records of this kind are meant.
    pub fn means(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.contains(&kind)
    }

    /// Whether every record of the other is one of ours: a filter for us narrows it.
    pub fn covers(&self, other: &Logsource) -> bool {
        self.types.is_empty()
            || !other.types.is_empty() && other.types.iter().all(|kind| self.types.contains(kind))
    }

    /// The field that a name means, and whether any record has it.
    pub fn field(&self, name: &str) -> (Field, bool) {
        let mapped = self.tables.iter().find_map(|table| {
            let entry = table.iter().find(|(known, _)| *known == name);
            entry.map(|(_, places)| *places)
        });
        match mapped {
            Some(places) => (Field::at(name, places), true),
            None => (Field::raw(name), self.is_eve && is_path(name)),
        }
    }
}

/// Whether a name can be a path of EVE: those of Windows and of other products begin with capitals or
/// have dashes.
fn is_path(name: &str) -> bool {
    let begins = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'@');
    begins && !name.contains('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_sources_of_the_field_are_kinds_of_records() {
        let check = |product, category, service, expected: Option<&[&str]>| {
            let found = Logsource::find(product, category, service);
            assert_eq!(found.as_ref().ok().map(|l| l.types), expected, "{found:?}");
        };
        check(None, Some("dns"), None, Some(&["dns"]));
        check(
            Some("windows"),
            Some("network_connection"),
            None,
            Some(&["flow", "netflow"]),
        );
        check(Some("zeek"), None, Some("smb_files"), Some(&["smb"]));
        check(Some("suricata"), None, Some("tls"), Some(&["tls"]));
        check(Some("suricata"), None, None, Some(&[]));
        check(Some("windows"), Some("process_creation"), None, None);
        check(Some("linux"), None, Some("auditd"), None);
        check(Some("zeek"), None, Some("radius"), None);
        check(None, None, None, None);
        check(None, None, Some("sshd"), None);
    }

    #[test]
    fn names_mean_what_they_mean_in_their_log_source() {
        let zeek = Logsource::find(Some("zeek"), None, Some("dns")).unwrap();
        assert_eq!(zeek.field("id.orig_h").0, Field::at("id.orig_h", "src_ip"));
        assert!(!zeek.field("Image").1);
        let proxy = Logsource::find(None, Some("proxy"), None).unwrap();
        assert_eq!(proxy.field("c-uri").0, Field::at("c-uri", "http.url"));
        assert!(proxy.field("http.status").1);
        assert!(!proxy.field("cs-cookie").1);
    }
}
