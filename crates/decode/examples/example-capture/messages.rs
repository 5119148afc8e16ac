//! Bytes that the protocols of the story are made of.

/// `bytes` behind their length in `width` bytes.
pub fn counted(width: usize, bytes: &[u8]) -> Vec<u8> {
    let len = (bytes.len() as u32).to_be_bytes();
    [&len[4 - width..], bytes].concat()
}

fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').map(|label| counted(1, label.as_bytes()));
    labels.chain([vec![0]]).flatten().collect()
}

/// A DNS question (RFC 1035 section 4): 1 asks for an IPv4 address, 28 for an IPv6 one, 16 for text.
pub fn dns_query(id: u16, domain: &str, kind: u16) -> Vec<u8> {
    dns(id, 0x0100, domain, kind, &[])
}

/// The answer with these data, or that there is no such name where there are none.
pub fn dns_answer(id: u16, domain: &str, kind: u16, data: &[&[u8]]) -> Vec<u8> {
    dns(
        id,
        if data.is_empty() { 0x8183 } else { 0x8180 },
        domain,
        kind,
        data,
    )
}

fn dns(id: u16, flags: u16, domain: &str, kind: u16, data: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [id, flags, 1, data.len() as u16, 0, 0] {
        out.extend(word.to_be_bytes());
    }
    out.extend(name(domain));
    for word in [kind, 1] {
        out.extend(word.to_be_bytes());
    }
    for data in data {
        // The name is the question's; an hour to live.
        for word in [0xc00c, kind, 1, 0, 3600] {
            out.extend(word.to_be_bytes());
        }
        out.extend(counted(2, data));
    }
    out
}

/// A TLS ClientHello (RFC 8446 section 4.1.2) for a name.
pub fn client_hello(server: &str) -> Vec<u8> {
    let extension =
        |kind: u16, data: Vec<u8>| [&kind.to_be_bytes()[..], &counted(2, &data)].concat();
    let host = [&[0][..], &counted(2, server.as_bytes())].concat();
    let extensions = [
        extension(0, counted(2, &host)),
        extension(10, counted(2, &[0, 29, 0, 23])),
        extension(11, counted(1, &[0])),
        extension(13, counted(2, &[4, 3, 8, 4, 4, 1])),
        extension(16, counted(2, b"\x08http/1.1")),
        extension(43, counted(1, &[3, 4, 3, 3])),
    ];
    let body = [
        &[3, 3][..],
        &[0x5a; 32],
        &counted(1, &[]),
        &counted(2, &[0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f]),
        &counted(1, &[0]),
        &counted(2, &extensions.concat()),
    ];
    tls_record(22, &[&[1][..], &counted(3, &body.concat())].concat())
}

/// A TLS ServerHello that picks TLS 1.3.
pub fn server_hello() -> Vec<u8> {
    let body = [
        &[3, 3][..],
        &[0xa5; 32],
        &counted(1, &[]),
        &[0x13, 0x01, 0],
        &counted(2, &[0, 43, 0, 2, 3, 4]),
    ];
    tls_record(22, &[&[2][..], &counted(3, &body.concat())].concat())
}

/// A TLS record.
pub fn tls_record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &counted(2, body)].concat()
}

/// SSH's SSH_MSG_KEXINIT (RFC 4253 section 7.1).
pub fn ssh_kexinit() -> Vec<u8> {
    let lists = [
        "curve25519-sha256,diffie-hellman-group14-sha256",
        "ssh-ed25519,rsa-sha2-256",
        "aes128-ctr,aes256-ctr",
        "aes128-ctr,aes256-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let lists: Vec<u8> = lists
        .iter()
        .flat_map(|list| counted(4, list.as_bytes()))
        .collect();
    ssh_packet(20, &[&[0x42; 16][..], &lists, &[0; 5]].concat())
}

/// SSH's SSH_MSG_KEX_ECDH_REPLY (RFC 5656 section 4): host key, the server's half, signature.
pub fn ssh_key_reply() -> Vec<u8> {
    let named =
        |bytes: &[u8]| counted(4, &[counted(4, b"ssh-ed25519"), counted(4, bytes)].concat());
    let body = [
        named(&[0x22; 32]),
        counted(4, &[0x33; 32]),
        named(&[0x44; 64]),
    ];
    ssh_packet(31, &body.concat())
}

/// An SSH packet before encryption (RFC 4253 section 6): a message number and its body.
pub fn ssh_packet(message: u8, body: &[u8]) -> Vec<u8> {
    let padding = 8 - (4 + 1 + 1 + body.len()) % 8 + 8;
    let len = (1 + 1 + body.len() + padding) as u32;
    [
        &len.to_be_bytes()[..],
        &[padding as u8, message],
        body,
        &vec![0; padding],
    ]
    .concat()
}

/// A gzip file (RFC 1952) that holds `data` as it is, in one stored block.
pub fn gzip(data: &[u8]) -> Vec<u8> {
    let len = data.len() as u16;
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1];
    out.extend(len.to_le_bytes());
    out.extend((!len).to_le_bytes());
    out.extend(data);
    out.extend(crc32(data).to_le_bytes());
    out.extend(u32::from(len).to_le_bytes());
    out
}

fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    !data
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// Text of base64 (RFC 4648) in lines of 60 characters, as mails carry it.
pub fn base64_lines(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for (place, part) in data.chunks(3).enumerate() {
        if place > 0 && place % 15 == 0 {
            out.push_str("\r\n");
        }
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | u32::from(*part.get(at).unwrap_or(&0))
        });
        for at in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63];
            out.push(if at > part.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    out + "\r\n"
}
