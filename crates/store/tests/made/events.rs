//! Makes events of many kinds, the same for the same seed: what a sensor tells and what log shippers send.

use event::{RecordId, RecordIds, Timestamp};
use serde_json::{Value, json};

/// When the first event happens: 2026-01-02T00:00:00Z.
pub const BEGIN_SECS: i64 = 1_767_312_000;

/// Numbers that look random and are the same each time (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// One of these; the first ones more often, so that no two are as frequent.
    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let many = of.len() as u64;
        let place = self.below(many).min(self.below(many));
        of[place as usize]
    }
}

const SIGNATURES: [(&str, &str, u64, u64); 6] = [
    (
        "ET MALWARE Win32/Emotet CnC Activity (POST) M9",
        "A Network Trojan was detected",
        2_035_062,
        1,
    ),
    (
        "ET SCAN Potential SSH Scan OUTBOUND",
        "Attempted Information Leak",
        2_003_068,
        2,
    ),
    (
        "GPL ATTACK_RESPONSE id check returned root",
        "Potentially Bad Traffic",
        2_100_498,
        2,
    ),
    (
        "ET POLICY curl User-Agent Outbound",
        "Attempted Information Leak",
        2_013_028,
        3,
    ),
    (
        "ET WEB_SERVER /etc/passwd Detected in URI",
        "Attempted Information Leak",
        2_049_400,
        1,
    ),
    (
        "SURICATA STREAM Packet with broken ack",
        "Generic Protocol Command Decode",
        2_210_051,
        3,
    ),
];

const HOSTS: [&str; 8] = [
    "www.example.com",
    "mail.example.com",
    "cdn.Example.org",
    "update.evil.example",
    "xn--bcher-kva.example",
    "api.github.example",
    "10.2.3.4",
    "a.very.long.name.of.a.host.example",
];

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    "curl/8.5.0",
    "python-requests/2.31",
    "Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/131.0",
];

/// `count` events with their ids, in the order in which a bus would have them.
pub fn events(seed: u64, count: usize) -> Vec<(RecordId, String)> {
    let mut dice = Dice::new(seed);
    let mut ids = RecordIds::new(seed);
    (0..count)
        .map(|number| {
            let millis = number as i64 * 1_700 + dice.below(5_000) as i64;
            let nanos = millis * 1_000_000 + dice.below(1_000) as i64 * 1_000;
            let time = Timestamp::from_nanos(BEGIN_SECS * 1_000_000_000 + nanos);
            let id = ids.next(Timestamp::new(BEGIN_SECS + number as i64, 0));
            (id, event(&mut dice, time, number).to_string())
        })
        .collect()
}

fn event(dice: &mut Dice, time: Timestamp, number: usize) -> Value {
    let kind = dice.one_of(&[
        "flow", "dns", "alert", "http", "tls", "fileinfo", "log", "ssh", "stats", "odd",
    ]);
    let is_six = dice.below(5) == 0;
    let (source, destination) = if is_six {
        (
            format!("2001:db8::{:x}", dice.below(20)),
            format!("2001:0db8:0000:0000:0000:0000:00ff:{:04x}", dice.below(9)),
        )
    } else {
        (
            format!("10.{}.{}.{}", dice.below(3), dice.below(4), dice.below(30)),
            format!("192.0.2.{}", dice.below(25)),
        )
    };
    let mut event = json!({
        "timestamp": time.to_string(),
        "flow_id": dice.below(1 << 53),
        "in_iface": dice.one_of(&["eth0", "eth1"]),
        "event_type": kind,
        "src_ip": source,
        "src_port": 1024 + dice.below(60_000),
        "dest_ip": destination,
        "dest_port": ([80, 443, 53, 22, 8080][dice.below(5) as usize]),
        "proto": dice.one_of(&["TCP", "UDP"]),
        "host": dice.one_of(&["sensor-a", "sensor-b", "sensor-c"]),
    });
    if dice.below(4) == 0 {
        event["vlan"] = json!([dice.below(4), 100 + dice.below(3)]);
    }
    match kind {
        "flow" => flow(dice, time, &mut event),
        "dns" => dns(dice, &mut event),
        "alert" => alert(dice, &mut event),
        "http" => http(dice, &mut event),
        "tls" => tls(dice, &mut event),
        "fileinfo" => fileinfo(dice, number, &mut event),
        "ssh" => {
            event["ssh"] = json!({
                "client": {"software_version": dice.one_of(&["OpenSSH_9.6", "libssh2_1.11", "Go"])},
                "server": {"software_version": "OpenSSH_9.2p1"},
            });
        }
        "stats" => {
            event["stats"] = json!({
                "uptime": number,
                "capture": {"kernel_packets": number * 1000, "kernel_drops": dice.below(10)},
                "tcp": {"memuse": 123},
            });
        }
        "log" => event = log(dice, time, number),
        _ => odd(dice, &mut event),
    }
    event
}

fn flow(dice: &mut Dice, time: Timestamp, event: &mut Value) {
    let start = time - std::time::Duration::from_secs(dice.below(600));
    event["app_proto"] = json!(dice.one_of(&["http", "tls", "dns", "failed", "ssh"]));
    event["flow"] = json!({
        "pkts_toserver": dice.below(1_000),
        "pkts_toclient": dice.below(1_000),
        "bytes_toserver": dice.below(100_000),
        "bytes_toclient": dice.below(9_000_000),
        "start": start.to_string(),
        "end": time.to_string(),
        "age": dice.below(600),
        "state": dice.one_of(&["closed", "established", "new"]),
        "reason": dice.one_of(&["timeout", "shutdown", "forced"]),
        "alerted": dice.below(10) == 0,
    });
    event["tcp"] =
        json!({"tcp_flags": "1b", "syn": true, "state": dice.one_of(&["closed", "established"])});
}

fn dns(dice: &mut Dice, event: &mut Value) {
    let name = dice.one_of(&HOSTS);
    event["dns"] = json!({
        "version": 3,
        "type": dice.one_of(&["request", "response"]),
        "id": dice.below(65_536),
        "rcode": dice.one_of(&["NOERROR", "NXDOMAIN", "SERVFAIL"]),
        "queries": [{"rrname": name, "rrtype": dice.one_of(&["A", "AAAA", "TXT"])}],
        "answers": [
            {"rrname": name, "rrtype": "A", "ttl": dice.below(300), "rdata": format!("198.51.100.{}", dice.below(9))},
            {"rrname": name, "rrtype": "CNAME", "ttl": 60, "rdata": dice.one_of(&HOSTS)},
        ],
    });
}

fn alert(dice: &mut Dice, event: &mut Value) {
    let many = SIGNATURES.len() as u64;
    let place = dice.below(many).min(dice.below(many));
    let (signature, category, id, severity) = SIGNATURES[place as usize];
    event["app_proto"] = json!(dice.one_of(&["http", "tls", "failed"]));
    event["alert"] = json!({
        "action": dice.one_of(&["allowed", "blocked"]),
        "gid": 1,
        "signature_id": id,
        "rev": dice.below(5),
        "signature": signature,
        "category": category,
        "severity": severity,
        "metadata": {
            "signature_severity": [dice.one_of(&["Major", "Minor", "Critical"])],
            "mitre_tactic_id": ["TA0011"],
            "tag": ["CnC", dice.one_of(&["Emotet", "Scan"])],
        },
    });
    event["payload"] = json!("R0VUIC8gSFRUUC8xLjENCg==");
    event["payload_printable"] = json!("GET /etc/passwd HTTP/1.1\r\nHost: x\r\n");
}

fn http(dice: &mut Dice, event: &mut Value) {
    event["app_proto"] = json!("http");
    event["http"] = json!({
        "hostname": dice.one_of(&HOSTS),
        "url": dice.one_of(&["/", "/index.html", "/admin/login.php?id=1%20OR%201=1", "/a/b/c.js", "/etc/passwd"]),
        "http_user_agent": dice.one_of(&AGENTS),
        "http_method": dice.one_of(&["GET", "POST", "HEAD"]),
        "protocol": "HTTP/1.1",
        "status": ([200, 404, 302, 500][dice.below(4).min(dice.below(4)) as usize]),
        "length": dice.below(100_000),
        "request_headers": [{"name": "Accept", "value": "*/*"}, {"name": "X-Odd", "value": dice.one_of(&["1", "2"])}],
    });
}

fn tls(dice: &mut Dice, event: &mut Value) {
    event["app_proto"] = json!("tls");
    event["tls"] = json!({
        "sni": dice.one_of(&HOSTS),
        "version": dice.one_of(&["TLS 1.3", "TLS 1.2", "TLSv1"]),
        "subject": "C=DE, O=Example GmbH, CN=*.example.com",
        "issuerdn": dice.one_of(&["C=US, O=Let's Encrypt, CN=R11", "CN=Evil CA"]),
        "notbefore": "2025-11-02T03:04:05",
        "notafter": dice.one_of(&["2026-02-02T03:04:05", "2035-01-01T00:00:00"]),
        "ja4": dice.one_of(&["t13d1516h2_8daaf6152771_e5627efa2ab1", "t13d3112h2_e8f1e7e78f70_6bebaf5329ac"]),
    });
}

fn fileinfo(dice: &mut Dice, number: usize, event: &mut Value) {
    event["fileinfo"] = json!({
        "filename": dice.one_of(&["/index.html", "invoice 2026.PDF.exe", "bücher.zip"]),
        "sha256": format!("{:064x}", number % 50),
        "size": dice.below(5_000_000),
        "state": "CLOSED",
        "stored": dice.below(2) == 0,
        "gaps": false,
    });
}

fn log(dice: &mut Dice, time: Timestamp, number: usize) -> Value {
    json!({
        "@timestamp": time.to_string(),
        "event_type": "log",
        "message": format!("{} password for {} from 10.1.{}.7 port 22", dice.one_of(&["Failed", "Accepted"]),
            dice.one_of(&["root", "admin", "alice"]), dice.below(3)),
        "host": {"name": dice.one_of(&["web1", "web2", "db1"]), "os": {"family": "debian"}},
        "log": {"level": dice.one_of(&["info", "warning", "error"]), "file": {"path": "/var/log/auth.log"}},
        "agent": {"type": "filebeat", "version": "8.17.0"},
        "fields": {"team": dice.one_of(&["red", "blue"]), "number": number % 7},
    })
}

/// What no sensor of Ratel sends: values of other kinds, nulls, deep and empty things.
fn odd(dice: &mut Dice, event: &mut Value) {
    event["event_type"] = json!("odd");
    event["dest_port"] = json!(dice.one_of(&["80", "http"]));
    event["alert"] = json!({"severity": "high", "signature": "An odd one", "signature_id": 5.0});
    event["flow"] = Value::Null;
    event["tls"] = json!([]);
    event["extra"] = json!({
        "number": dice.below(5),
        "text": dice.one_of(&["Hello World", "hello world", ""]),
        "deep": [{"a": {"b": true}}, {"a": {"b": null}}],
        "long": "x".repeat(9_000),
        "=sign": "a=b",
    });
    event["dotted.key"] = json!("yes");
}
