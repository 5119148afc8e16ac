//! The buffers that rules look into: packet payload, stream, and fields of application records.
//!
//! One table names each buffer once: its sticky keyword (with aliases), the old content modifier
//! that meant the same (`http_uri`), the protocols that have it, and the direction it travels in.

use crate::{AppProtocol, Direction};

/// Directions in which a buffer exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// Only in requests.
    ToServer,
    /// Only in responses.
    ToClient,
    /// In both.
    Both,
}

impl Ways {
    /// Whether `direction` is among them.
    #[must_use]
    pub const fn has(self, direction: Direction) -> bool {
        matches!(
            (self, direction),
            (Ways::Both, _)
                | (Ways::ToServer, Direction::ToServer)
                | (Ways::ToClient, Direction::ToClient)
        )
    }
}

macro_rules! buffers {
    ($($name:ident = [$($keyword:literal),+] $(modifier $modifier:literal)? , $ways:ident, [$($protocol:ident),*];)*) => {
        /// A buffer that content, pcre and the other payload keywords of a rule look into.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Buffer { $(#[doc = concat!($("`", $keyword, "` "),+)] $name,)* }

        impl Buffer {
            /// Every buffer, in the order of the enum.
            pub const ALL: &'static [Buffer] = &[$(Buffer::$name,)*];

            /// The sticky keyword, first spelling.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Buffer::$name => [$($keyword),+][0],)* }
            }

            /// The buffer that a sticky keyword selects.
            #[must_use]
            pub fn parse(keyword: &str) -> Option<Self> {
                match keyword { $($($keyword)|+ => Some(Buffer::$name),)* _ => None }
            }

            /// The buffer that an old content modifier such as `http_uri` means.
            #[must_use]
            pub fn parse_modifier(keyword: &str) -> Option<Self> {
                match keyword { $($($modifier => Some(Buffer::$name),)?)* _ => None }
            }

            /// Directions in which the buffer exists.
            #[must_use]
            pub const fn ways(self) -> Ways {
                match self { $(Buffer::$name => Ways::$ways,)* }
            }

            /// Protocols that have the buffer; empty for packet and stream.
            #[must_use]
            pub const fn protocols(self) -> &'static [AppProtocol] {
                match self { $(Buffer::$name => &[$(AppProtocol::$protocol),*],)* }
            }
        }
    };
}

buffers! {
    // Packet and stream.
    Payload = ["pkt_data"], Both, [];
    Ipv4Header = ["ipv4.hdr"], Both, [];
    Ipv6Header = ["ipv6.hdr"], Both, [];
    TcpHeader = ["tcp.hdr"], Both, [];
    UdpHeader = ["udp.hdr"], Both, [];
    IcmpV4Header = ["icmpv4.hdr"], Both, [];
    IcmpV6Header = ["icmpv6.hdr"], Both, [];
    EtherHeader = ["ether.hdr"], Both, [];
    Base64Data = ["base64_data"], Both, [];
    // Files, in whichever protocol carries them.
    FileData = ["file.data", "file_data"] modifier "http_server_body_or_file", Both, [Http1, Http2, Smtp, FtpData, Smb, Nfs];
    FileName = ["file.name"], Both, [Http1, Http2, Smtp, Ftp, FtpData, Smb, Nfs];
    FileMagic = ["file.magic"], Both, [Http1, Http2, Smtp, Ftp, FtpData, Smb, Nfs];
    // HTTP.
    HttpMethod = ["http.method"] modifier "http_method", ToServer, [Http1, Http2];
    HttpUri = ["http.uri"] modifier "http_uri", ToServer, [Http1, Http2];
    HttpUriRaw = ["http.uri.raw"] modifier "http_raw_uri", ToServer, [Http1, Http2];
    HttpRequestLine = ["http.request_line", "http_request_line"], ToServer, [Http1, Http2];
    HttpResponseLine = ["http.response_line", "http_response_line"], ToClient, [Http1, Http2];
    HttpProtocol = ["http.protocol", "http_protocol"], Both, [Http1, Http2];
    HttpHeader = ["http.header"] modifier "http_header", Both, [Http1, Http2];
    HttpHeaderRaw = ["http.header.raw"] modifier "http_raw_header", Both, [Http1, Http2];
    HttpHeaderNames = ["http.header_names", "http_header_names"], Both, [Http1, Http2];
    HttpRequestHeader = ["http.request_header"], ToServer, [Http1, Http2];
    HttpResponseHeader = ["http.response_header"], ToClient, [Http1, Http2];
    HttpStart = ["http.start", "http_start"], Both, [Http1, Http2];
    HttpCookie = ["http.cookie"] modifier "http_cookie", Both, [Http1, Http2];
    HttpUserAgent = ["http.user_agent"] modifier "http_user_agent", ToServer, [Http1, Http2];
    HttpHost = ["http.host"] modifier "http_host", ToServer, [Http1, Http2];
    HttpHostRaw = ["http.host.raw"] modifier "http_raw_host", ToServer, [Http1, Http2];
    HttpAccept = ["http.accept", "http_accept"], ToServer, [Http1, Http2];
    HttpAcceptEnc = ["http.accept_enc", "http_accept_enc"], ToServer, [Http1, Http2];
    HttpAcceptLang = ["http.accept_lang", "http_accept_lang"], ToServer, [Http1, Http2];
    HttpReferer = ["http.referer", "http_referer"], ToServer, [Http1, Http2];
    HttpConnection = ["http.connection", "http_connection"], Both, [Http1, Http2];
    HttpContentType = ["http.content_type", "http_content_type"], Both, [Http1, Http2];
    HttpContentLen = ["http.content_len", "http_content_len"], Both, [Http1, Http2];
    HttpServer = ["http.server"], ToClient, [Http1, Http2];
    HttpLocation = ["http.location"], ToClient, [Http1, Http2];
    HttpStatCode = ["http.stat_code"] modifier "http_stat_code", ToClient, [Http1, Http2];
    HttpStatMsg = ["http.stat_msg"] modifier "http_stat_msg", ToClient, [Http1, Http2];
    HttpRequestBody = ["http.request_body"] modifier "http_client_body", ToServer, [Http1, Http2];
    HttpResponseBody = ["http.response_body"] modifier "http_server_body", ToClient, [Http1, Http2];
    Http2HeaderName = ["http2.header_name"], Both, [Http2];
    // DNS.
    DnsQuery = ["dns.query", "dns_query"], Both, [Dns, Doh2];
    DnsQueryName = ["dns.query.name"], Both, [Dns, Doh2];
    DnsQueriesRrname = ["dns.queries.rrname"], Both, [Dns, Doh2];
    DnsAnswerName = ["dns.answer.name"], Both, [Dns, Doh2];
    DnsAnswersRrname = ["dns.answers.rrname"], Both, [Dns, Doh2];
    DnsAuthoritiesRrname = ["dns.authorities.rrname"], Both, [Dns, Doh2];
    DnsAdditionalsRrname = ["dns.additionals.rrname"], Both, [Dns, Doh2];
    DnsResponseRrname = ["dns.response.rrname"], Both, [Dns, Doh2];
    MdnsQueriesRrname = ["mdns.queries.rrname"], Both, [Mdns];
    MdnsAnswersRrname = ["mdns.answers.rrname"], Both, [Mdns];
    MdnsAuthoritiesRrname = ["mdns.authorities.rrname"], Both, [Mdns];
    MdnsAdditionalsRrname = ["mdns.additionals.rrname"], Both, [Mdns];
    MdnsResponseRrname = ["mdns.response.rrname"], Both, [Mdns];
    // TLS and its fingerprints.
    TlsSni = ["tls.sni", "tls_sni"], ToServer, [Tls];
    TlsAlpn = ["tls.alpn"], Both, [Tls];
    TlsCerts = ["tls.certs"], Both, [Tls];
    TlsCertSubject = ["tls.cert_subject", "tls_cert_subject", "tls.subject"], Both, [Tls];
    TlsCertIssuer = ["tls.cert_issuer", "tls_cert_issuer", "tls.issuerdn"], Both, [Tls];
    TlsCertSerial = ["tls.cert_serial", "tls_cert_serial"], Both, [Tls];
    TlsCertFingerprint = ["tls.cert_fingerprint", "tls_cert_fingerprint"], Both, [Tls];
    TlsSubjectAltName = ["tls.subjectaltname"], Both, [Tls];
    TlsRandom = ["tls.random"], Both, [Tls];
    TlsRandomTime = ["tls.random_time"], Both, [Tls];
    TlsRandomBytes = ["tls.random_bytes"], Both, [Tls];
    Ja3Hash = ["ja3.hash", "ja3_hash"], ToServer, [Tls, Quic];
    Ja3String = ["ja3.string", "ja3_string"], ToServer, [Tls, Quic];
    Ja3sHash = ["ja3s.hash"], ToClient, [Tls, Quic];
    Ja3sString = ["ja3s.string"], ToClient, [Tls, Quic];
    Ja4Hash = ["ja4.hash"], ToServer, [Tls, Quic];
    // SSH.
    SshProto = ["ssh.proto", "ssh_proto"], Both, [Ssh];
    SshSoftware = ["ssh.software", "ssh_software"], Both, [Ssh];
    SshHassh = ["ssh.hassh"], ToServer, [Ssh];
    SshHasshString = ["ssh.hassh.string"], ToServer, [Ssh];
    SshHasshServer = ["ssh.hassh.server"], ToClient, [Ssh];
    SshHasshServerString = ["ssh.hassh.server.string"], ToClient, [Ssh];
    // SMTP and mail.
    SmtpHelo = ["smtp.helo"], ToServer, [Smtp];
    SmtpMailFrom = ["smtp.mail_from"], ToServer, [Smtp];
    SmtpRcptTo = ["smtp.rcpt_to"], ToServer, [Smtp];
    EmailFrom = ["email.from"], ToServer, [Smtp];
    EmailSubject = ["email.subject"], ToServer, [Smtp];
    EmailTo = ["email.to"], ToServer, [Smtp];
    EmailCc = ["email.cc"], ToServer, [Smtp];
    EmailDate = ["email.date"], ToServer, [Smtp];
    EmailMessageId = ["email.message_id"], ToServer, [Smtp];
    EmailXMailer = ["email.x_mailer"], ToServer, [Smtp];
    EmailUrl = ["email.url"], ToServer, [Smtp];
    EmailReceived = ["email.received"], ToServer, [Smtp];
    EmailBodyMd5 = ["email.body_md5"], ToServer, [Smtp];
    // FTP.
    FtpCommand = ["ftp.command"], ToServer, [Ftp];
    FtpCommandData = ["ftp.command_data"], ToServer, [Ftp];
    FtpReply = ["ftp.reply"], ToClient, [Ftp];
    FtpCompletionCode = ["ftp.completion_code"], ToClient, [Ftp];
    FtpDataCommand = ["ftpdata_command"], Both, [FtpData];
}
