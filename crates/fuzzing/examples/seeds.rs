//! Writes the seeds of the fuzz targets into `fuzz/corpus`: small, made here, and each a way in.

#[path = "../../decode/examples/example-capture/messages.rs"]
#[allow(dead_code)] // the example capture needs more of them
mod messages;

use decode::build::{Captured, Conversation, Stack, Tcp, pcap, pcapng};
use decode::packet::LinkType;
use event::{Direction, Timestamp};
use messages::{
    base64_lines, client_hello, counted, dns_answer, dns_query, gzip, server_hello, ssh_kexinit,
    ssh_key_reply, ssh_packet, tls_record,
};
use std::io::Write;
use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let targets: [(&str, Vec<Vec<u8>>); 16] = [
        ("capture", captures()),
        ("packet", packets()),
        ("defrag", fragments()),
        ("stream", streams()),
        ("http", http()),
        ("dns", dns()),
        ("tls", tls()),
        ("ssh", ssh()),
        ("smtp", smtp()),
        ("ftp", ftp()),
        ("file", files()),
        ("rules", rules()),
        ("filter", filters()),
        ("query", queries()),
        ("program", programs()),
        ("engine", engines()),
    ];
    for (target, seeds) in targets {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("{number:02}")), seed)?;
        }
    }
    Ok(())
}

/// An input of a conversation: seed of the cuts, flags, and turns, `>` the client's and `<` the
/// server's.
fn talk(flags: u8, turns: &[(char, &[u8])]) -> Vec<u8> {
    let mut out = vec![7, flags];
    for (who, data) in turns {
        out.extend([0xff, *who as u8]);
        out.extend(*data);
    }
    out
}

fn small_talk() -> Vec<Captured> {
    let mut talk = Conversation::between("192.0.2.1:40000", "192.0.2.2:80");
    talk.handshake().client(b"GET / HTTP/1.0\r\n\r\n").finish();
    talk.into_frames()
}

fn captures() -> Vec<Vec<u8>> {
    let frames = small_talk();
    let plain = pcap(&frames);
    let mut big_endian = Vec::new();
    for value in [
        0xa1b2_3c4d_u32,
        0x0002_0004,
        0,
        0,
        65_535,
        1,
        9,
        9,
        4,
        60,
        0xdead_beef,
    ] {
        big_endian.extend(value.to_be_bytes());
    }
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&plain).expect("memory takes everything");
    let gz = gz.finish().expect("memory takes everything");
    let zst = zstd::encode_all(&plain[..], 3).expect("memory takes everything");
    let short = plain[..200].to_vec();
    vec![plain, big_endian, pcapng(&frames), gz, zst, short]
}

fn packets() -> Vec<Vec<u8>> {
    let tcp = |stack: Stack| {
        stack.tcp(
            Tcp::syn(1024, 80, 1).options(&[2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0]),
        )
    };
    let udp = |stack: Stack| stack.udp(53, 1024).payload(b"hello");
    let [a, b] = ["192.0.2.1", "192.0.2.2"];
    let [c, d] = ["2001:db8::1", "2001:db8::2"];
    let ethernet = [
        tcp(Stack::ethernet()
            .ipv4(a, b)
            .ip_options(&[7, 7, 4, 0, 0, 0, 0, 0])),
        udp(Stack::ethernet().provider_vlan(2).vlan(3).ipv6(c, d)),
        udp(Stack::ethernet().mpls(16, false).mpls(17, true).ipv4(a, b)),
        udp(Stack::ethernet().pppoe().ipv4(a, b)),
        tcp(Stack::ethernet().ipv4(a, b).gre().ipv6(c, d)),
        tcp(Stack::ethernet()
            .ipv4(a, b)
            .erspan(5)
            .inner_ethernet()
            .ipv4(a, b)),
        udp(Stack::ethernet()
            .ipv4(a, b)
            .vxlan(9)
            .inner_ethernet()
            .ipv4(a, b)),
        udp(Stack::ethernet()
            .ipv6(c, d)
            .geneve(9)
            .inner_ethernet()
            .ipv4(a, b)),
        udp(Stack::ethernet()
            .ipv6(c, d)
            .ipv6_extension(0, &[0, 5, 2, 0, 0])
            .ipv6_extension(60, &[0, 1, 2])),
        udp(Stack::ethernet().ipv4(a, b).ipv4(a, b).ipv6(c, d)),
        Stack::ethernet()
            .ipv4(a, b)
            .icmp(3, 1, [0; 4])
            .payload(&tcp(Stack::raw().ipv4(b, a)).bytes()),
        Stack::ethernet()
            .ipv6(c, d)
            .icmp(135, 0, [0; 4])
            .payload(&[9; 20]),
        Stack::ethernet()
            .ipv4(a, b)
            .sctp(1, 2, 3)
            .payload(&[1, 3, 0, 20]),
        Stack::ethernet().ipv4(a, b).esp(1, 2).payload(&[7; 24]),
        Stack::ethernet().arp(1, [192, 0, 2, 1].into(), [192, 0, 2, 2].into()),
        Stack::ethernet()
            .ipv4(a, b)
            .udp(3544, 3544)
            .payload(&udp(Stack::raw().ipv6(c, d)).bytes()),
    ];
    let mut seeds: Vec<Vec<u8>> = ethernet
        .iter()
        .map(|stack| [&[0, 0, 0][..], &stack.bytes()].concat())
        .collect();
    let ip = udp(Stack::raw().ipv4(a, b)).bytes();
    seeds.push([&[1, 0, 0][..], &ip].concat());
    seeds.push([&[3, 0, 0][..], &udp(Stack::raw().sll().ipv4(a, b)).bytes()].concat());
    seeds.push([&[2, 0, 0, 2, 0, 0, 0][..], &ip].concat());
    // 802.11 data with a radiotap header, LLC and IPv4.
    let radio = [0, 0, 8, 0, 0, 0, 0, 0, 8, 2, 0, 0];
    seeds.push(
        [
            &[9, 0, 0][..],
            &radio,
            &[0; 20],
            &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
            &ip,
        ]
        .concat(),
    );
    seeds
}

fn fragments() -> Vec<Vec<u8>> {
    let one = |control: u8, offset: u16, len: u8| {
        let [high, low] = offset.to_be_bytes();
        [control, high, low, len]
    };
    let in_order = [one(4, 0, 64), one(4, 64, 64), one(0, 128, 40)].concat();
    let overlapping = [
        one(0, 128, 40),
        one(4, 0, 80),
        one(4, 64, 64),
        one(4, 32, 32),
    ]
    .concat();
    let v6 = [one(12, 0, 64), one(8, 64, 9)].concat();
    let late = [one(4, 0, 64), one(0x34, 64, 64), one(0x30, 128, 9)].concat();
    let liar = [0x84, 4, 0, 0, 64, 1, 4, 0, 32, 64, 2, 0, 0, 96, 8, 3].to_vec();
    let mut seeds: Vec<Vec<u8>> = [in_order, overlapping, v6, late]
        .iter()
        .map(|parts| [&[2][..], parts].concat())
        .collect();
    seeds.push(liar);
    seeds
}

fn streams() -> Vec<Vec<u8>> {
    // Control, flags, sequence, acknowledgement, window, length.
    let segment = |control: u8, flags: u8, seq: u16, ack: u16, len: u8| {
        let mut out = vec![control, flags];
        for word in [seq, ack, 0xffff] {
            out.extend(word.to_be_bytes());
        }
        out.push(len);
        out
    };
    let in_order = [
        segment(0, 16, 0, 0, 100),
        segment(1, 16, 0, 100, 50),
        segment(0, 17, 100, 50, 0),
    ];
    let holes = [
        segment(0, 16, 200, 0, 100),
        segment(1, 16, 0, 300, 0),
        segment(0, 16, 0, 0, 100),
    ];
    let reset = [
        segment(0, 16, 0, 0, 100),
        segment(1, 20, 0, 100, 0),
        segment(0, 16, 100, 0, 9),
    ];
    let overlap = [
        segment(0, 16, 0, 0, 100),
        segment(0, 16, 50, 0, 200),
        segment(1, 16, 0, 250, 0),
    ];
    let mut seeds = Vec::new();
    for (kind, parts) in [
        (0, in_order.concat()),
        (1, holes.concat()),
        (8, reset.concat()),
        (0x40, overlap.concat()),
    ] {
        seeds.push([&[kind, 1][..], &parts].concat());
    }
    let syn = [
        0x80 | 6,
        2,
        0,
        2,
        0,
        5,
        0,
        0,
        0xff,
        0xff,
        4,
        b'x',
        1,
        18,
        0,
        5,
        0,
        6,
        0xff,
        0xff,
        0,
        0,
    ];
    seeds.push(syn.to_vec());
    seeds
}

fn http() -> Vec<Vec<u8>> {
    let get = b"GET /a%20b/../c?q=%41&r=+ HTTP/1.1\r\nHost: www.example.com:80\r\nUser-Agent: x\r\nCookie: a=b\r\n folded\r\n\r\n";
    let page = gzip(&b"<p>hello</p>".repeat(20));
    let coded = [format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", page.len()).as_bytes(), &page].concat();
    let upload = b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=cut\r\nContent-Length: 94\r\n\r\n--cut\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhello\r\n--cut--\r\n";
    vec![
        talk(0, &[('>', get), ('<', b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]),
        talk(1, &[('>', get), ('<', &coded)]),
        talk(0, &[('>', upload), ('<', b"HTTP/1.1 204 No Content\r\n\r\n")]),
        talk(1, &[('>', b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")]),
        talk(0, &[('>', b"CONNECT example.com:443 HTTP/1.1\r\n\r\n"), ('<', b"HTTP/1.1 200 OK\r\n\r\n"), ('>', b"\x16\x03\x01")]),
        talk(0, &[('>', b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), ('<', b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nPRI")]),
        talk(0, &[('>', b"GET /old\r\n"), ('<', b"anything until the end")]),
        talk(0, &[('>', get), ('<', b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhe"), ('~', b"\x01lo")]),
        talk(0, &[('>', b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"), ('<', b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.0 404 No\r\n\r\nbye")]),
    ]
}

fn dns() -> Vec<Vec<u8>> {
    let query = dns_query(1, "www.example.com", 1);
    let answer = dns_answer(1, "www.example.com", 1, &[&[192, 0, 2, 7], &[192, 0, 2, 8]]);
    let text = dns_answer(2, "a.example", 16, &[b"\x05hello\x03you"]);
    let alias = dns_answer(3, "b.example", 5, &[&[1, b'x', 0xc0, 12]]);
    let framed = [counted(2, &query), counted(2, &answer)];
    vec![
        talk(2, &[('>', &query), ('<', &answer)]),
        talk(2, &[('<', &text), ('<', &alias)]),
        talk(0, &[('>', &framed[0]), ('<', &framed[1])]),
        talk(4, &[('>', &query), ('>', &answer)]),
    ]
}

fn tls() -> Vec<Vec<u8>> {
    let hello = client_hello("www.example.com");
    let certificates = tls_record(
        22,
        &[
            &[11][..],
            &counted(3, &counted(3, &counted(3, &[0x30, 3, 2, 1, 1]))),
        ]
        .concat(),
    );
    let done = tls_record(22, &[14, 0, 0, 0]);
    vec![
        talk(
            0,
            &[
                ('>', &hello),
                ('<', &server_hello()),
                ('>', &tls_record(23, &[1; 20])),
            ],
        ),
        talk(
            0,
            &[
                ('>', &hello),
                ('<', &[server_hello(), certificates, done].concat()),
                ('>', &tls_record(20, &[1])),
            ],
        ),
        talk(0, &[('>', &hello), ('<', &tls_record(21, &[2, 40]))]),
        talk(0, &[('>', b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10")]),
    ]
}

fn ssh() -> Vec<Vec<u8>> {
    let banner = b"SSH-2.0-OpenSSH_9.6 comment\r\n";
    let keys = [&ssh_kexinit()[..], &ssh_packet(30, &counted(4, &[1; 32]))].concat();
    let reply = [&ssh_kexinit()[..], &ssh_key_reply(), &ssh_packet(21, &[])].concat();
    vec![
        talk(
            0,
            &[
                ('>', banner),
                ('<', b"SSH-1.99-x\n"),
                ('>', &keys),
                ('<', &reply),
            ],
        ),
        talk(0, &[('<', b"hello\r\nSSH-2.0-y\r\n"), ('>', banner)]),
    ]
}

fn smtp() -> Vec<Vec<u8>> {
    let part = base64_lines(&[b'x'; 100]);
    let mail = format!(
        "From: A <a@example.com>\r\nTo: b@example.com,\r\n c@example.com\r\nSubject: =?utf-8?q?hi?=\r\nContent-Type: multipart/mixed; boundary=\"cut\"\r\n\r\n--cut\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nsee http://www.example.com/=\r\nx =3D\r\n--cut\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename*0=\"a.\"; filename*1=\"exe\"\r\n\r\n{part}--cut--\r\n.\r\n"
    );
    vec![
        talk(
            2,
            &[
                ('>', mail.as_bytes()),
                ('<', b"250 queued\r\n"),
                ('>', b"QUIT\r\n"),
            ],
        ),
        talk(
            0,
            &[
                ('<', b"220 mx.example ESMTP\r\n"),
                ('>', b"EHLO a\r\n"),
                ('<', b"250-mx\r\n250 PIPELINING\r\n"),
                ('>', b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
                ('<', b"250 ok\r\n250 ok\r\n354 go\r\n"),
                ('>', b"Subject: x\r\n\r\n..hi\r\n.\r\nRSET\r\n"),
                ('<', b"250 ok\r\n"),
            ],
        ),
        talk(
            0,
            &[
                ('>', b"EHLO a\r\n"),
                ('<', b"250 STARTTLS\r\n"),
                ('>', b"STARTTLS\r\n"),
                ('<', b"220 go\r\n"),
                ('>', &client_hello("mx.example")),
            ],
        ),
        talk(
            0,
            &[
                (
                    '>',
                    b"HELO a\r\nMAIL FROM:<>\r\nBDAT 5\r\nhelloBDAT 3 LAST\r\nabc",
                ),
                ('<', b"503 no\r\n"),
            ],
        ),
        talk(
            2,
            &[(
                '>',
                b"Content-Type: message/rfc822\r\n\r\nFrom: x\r\n\r\nbegin\r\n.\r\n",
            )],
        ),
    ]
}

fn ftp() -> Vec<Vec<u8>> {
    vec![
        talk(
            0,
            &[
                ('<', b"220 hi\r\n"),
                ('>', b"USER a\r\nPASS b\r\n"),
                ('<', b"331 x\r\n230-y\r\n230 z\r\n"),
                ('>', b"PASV\r\n"),
                ('<', b"227 ok (192,0,2,1,4,5)\r\n"),
                ('>', b"RETR f.txt\r\n"),
                ('<', b"150 go\r\n226 done\r\n"),
            ],
        ),
        talk(
            0,
            &[
                (
                    '>',
                    b"EPRT |2|2001:db8::1|4000|\r\nPORT 192,0,2,1,4,5\r\nEPSV\r\n",
                ),
                ('<', b"200 ok\r\n229 (|||5000|)\r\n"),
                ('>', b"STOR x\r\nAUTH TLS\r\n"),
                ('<', b"150 x\r\n234 go\r\n"),
            ],
        ),
        talk(2, &[('<', b"content of a file"), ('~', b"\x05more")]),
    ]
}

fn files() -> Vec<Vec<u8>> {
    let program = [
        &b"MZ"[..],
        &[0; 58],
        &[64, 0, 0, 0],
        b"PE\0\0\x64\x86\x01\0",
        &[0; 240],
    ]
    .concat();
    let elf = [
        &b"\x7fELF\x02\x01\x01"[..],
        &[0; 9],
        &[2, 0, 62, 0, 1, 0, 0, 0],
        &[0; 40],
    ]
    .concat();
    let archive = [
        &b"PK\x03\x04\x14\0\0\0\x08\0"[..],
        &[0; 16],
        &[19, 0, 0, 0],
        b"[Content_Types].xml",
    ]
    .concat();
    let contents: [&[u8]; 12] = [
        b"plain text\nwith lines\n",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x01\x08\x02\0\0\0",
        b"GIF89a\x01\0\x01\0\0\0\0",
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x02\0\0\x01\0\x01\0\0",
        b"%PDF-1.7\n%\xe2\xe3\n1 0 obj",
        b"<!doctype html><html><body>x",
        b"#!/bin/sh\necho x\n",
        &gzip(b"hello"),
        &program,
        &elf,
        &archive,
        b"\xef\xbb\xbfunicode \xc3\xa9\n",
    ];
    contents
        .iter()
        .zip([0, 1, 2, 4, 6, 8].iter().cycle())
        .map(|(content, flags)| [&[9, *flags][..], content].concat())
        .collect()
}

fn rules() -> Vec<Vec<u8>> {
    let own = include_bytes!("../../../examples/example.rules");
    let mut seeds: Vec<Vec<u8>> = own
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"alert"))
        .take(12)
        .map(<[u8]>::to_vec)
        .collect();
    seeds.extend([
        b"alert tcp $HOME_NET [1:5,!3] <> [!10.0.0.0/8,any] $HTTP_PORTS (content:\"a|0d 0a|b\\;\"; depth:9; content:!\"c\"; within:3; distance:-1; \\\n pcre:\"/a(?P<flow_x>b)/Ri\"; byte_extract:1,0,n,relative; byte_test:4,>,n,0,string,hex; sid:1;)\n# alert ip any any -> any any (sid:2;)\n".to_vec(),
        b"drop udp any any -> any 53 (dsize:1<>9; byte_math:bytes 1, offset 0, oper +, rvalue 3, result m; isdataat:m,relative; threshold:type both,track by_both,count 1,seconds 9; sid:3; rev:2;)\n".to_vec(),
        b"alert http any any -> any any (http.uri; dotprefix; content:\".x\"; to_lowercase; dataset:isset,d,type string,load f; urilen:>9,norm; flowint:x,+,1; sid:4;)\n".to_vec(),
        b"config classification: a,Some text,1\nconfig reference: cve http://x/\nsuppress gen_id 1, sig_id 2, track by_src, ip 10.0.0.0/8\nthreshold gen_id 1, sig_id 2, type limit, track by_dst, count 1, seconds 60\nrate_filter gen_id 1, sig_id 3, track by_rule, count 1, seconds 6, new_action drop, timeout 9\n".to_vec(),
    ]);
    seeds
}

fn queries() -> Vec<Vec<u8>> {
    [
        "event_type:alert AND src_ip:10.0.0.0/8 AND alert.severity:<=2",
        "a b OR (c AND NOT d) && -e || !f +g",
        "proto:(TCP OR udp) dest_port:[1 TO 1024} @timestamp:{* TO \"2026-01-02\"]",
        "\"ET MALWARE\" alert.signature: \"a \\\" b\" tls.sni:*.evil.* http.url:/a\\?b*",
        "src_ip:2001:db8::1 fe80::/10 00:11:22:33:44:55 dest_ip:10.1.*",
        "@sid:1 @ip:10.0.0.0/8 @mac:aa:bb:cc:dd:ee:ff @sig:x @from:2026 @to:2027-01",
        "_exists_:alert flow:* *:* ratel.score >= 0.5 and not alert.severity < 1.5",
        "\\and \\(x\\) field\\:name \"a b\":c a.e.f:7 -(((-x)))",
        "emotet~2",
        "x:[1 TO",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn filters() -> Vec<Vec<u8>> {
    let texts = [
        "host 192.0.2.1 and not port 80",
        "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 or udp portrange 50-60",
        "vlan 7 and ip6 and src net 2001:db8::/32",
        "ether host 02:00:00:00:00:01 || (arp && less 100)",
        "ip[0] & 0xf > 5 and ip[6:2] & 0x1fff = 0 and len >= 60",
        "dst net 10.0.0.0 mask 255.0.0.0 and ip proto 6",
        "icmp6 or icmp[0] = 8 or mpls or broadcast or multicast",
        "src or dst host 10.0.0.1 and tcp port 443",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn programs() -> Vec<Vec<u8>> {
    let texts: [(&str, &[u8]); 8] = [
        (
            "content:\"ab\"; content:\"cd\"; distance:1; within:9",
            b"xxab_cd",
        ),
        (
            "content:\"a\"; nocase; pcre:\"/b+(c)/Ri\"; content:!\"d\"; distance:0",
            b"Abbbce",
        ),
        (
            "byte_extract:1,0,n; content:\"x\"; offset:n; byte_test:2,>,n,0,relative,little",
            b"\x02..x\x09\x01",
        ),
        (
            "byte_jump:2,0,relative,string,dec,multiplier 2; isdataat:3,relative; content:\"z\"; within:9",
            b"02....z....",
        ),
        (
            "byte_math:bytes 1, offset 0, oper *, rvalue 2, result m; isdataat:!m",
            b"\x08abcdef",
        ),
        (
            "base64_decode:bytes 12,offset 0; base64_data; content:\"hello\"",
            b"aGVsbG8gdGhlcmU=",
        ),
        (
            "http.uri; url_decode; content:\"/a b\"; startswith; bsize:4",
            b"/a%20b",
        ),
        (
            "file.data; to_lowercase; content:\"abc\"; endswith; entropy:value > 1",
            b"xyzABC",
        ),
    ];
    texts
        .iter()
        .map(|(rule, data)| [rule.as_bytes(), b"\n\0", data].concat())
        .collect()
}

fn engines() -> Vec<Vec<u8>> {
    let conversation = |port: u16, turns: &[(Direction, &[u8])]| {
        let mut talk = Conversation::between("192.0.2.1:40000", &format!("192.0.2.2:{port}"))
            .without_acknowledgements();
        talk.handshake();
        for (direction, data) in turns {
            match direction {
                Direction::ToServer => talk.client(data),
                Direction::ToClient => talk.server(data),
            };
        }
        talk.finish();
        pcap(talk.frames())
    };
    let (up, down) = (Direction::ToServer, Direction::ToClient);
    let mut dns = Conversation::between("192.0.2.1:40000", "192.0.2.53:53");
    dns.datagram(up, &dns_query(1, "a.example", 1))
        .datagram(down, &dns_answer(1, "a.example", 1, &[&[192, 0, 2, 9]]))
        .fragmented_datagram(up, 7, &dns_query(2, "b.example", 28), 16)
        .ping(1, 2, b"abc");
    let cut = Captured {
        time: Timestamp::new(1_704_067_300, 0),
        data: Stack::ethernet()
            .ipv4("192.0.2.1", "192.0.2.2")
            .udp(1, 2)
            .bytes()[..30]
            .to_vec(),
        link: LinkType::ETHERNET,
    };
    vec![
        conversation(
            80,
            &[
                (up, b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n"),
                (down, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
            ],
        ),
        conversation(667, &[(up, b"GET / HTTP/1.0\r\n\r\n")]),
        conversation(666, &[(up, b"GET / HTTP/1.0\r\n\r\n"), (down, b"no")]),
        conversation(
            443,
            &[(up, &client_hello("a.example")), (down, &server_hello())],
        ),
        conversation(22, &[(up, b"SSH-2.0-a\r\n"), (down, b"SSH-2.0-b\r\n")]),
        conversation(
            25,
            &[
                (down, b"220 mx\r\n"),
                (up, b"HELO a\r\nMAIL FROM:<a@b>\r\n"),
                (up, b"RCPT TO:<c@d>\r\nDATA\r\n"),
                (down, b"354 go\r\n"),
                (
                    up,
                    b"Content-Disposition: attachment; filename=a.b\r\n\r\nx\r\n.\r\n",
                ),
            ],
        ),
        conversation(
            21,
            &[
                (down, b"220 hi\r\n"),
                (up, b"EPSV\r\n"),
                (down, b"229 (|||5000|)\r\n"),
                (up, b"RETR x\r\n"),
            ],
        ),
        pcap(dns.frames()),
        pcap(&[cut]),
    ]
}
