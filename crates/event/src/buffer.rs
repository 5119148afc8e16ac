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

            /// Every sticky keyword with its buffer, for a table that is looked up often.
            pub const KEYWORDS: &'static [(&'static str, Buffer)] = &[$($(($keyword, Buffer::$name),)+)*];

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
    Frame = ["frame"], Both, [];
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
    // Addresses, as datasets look them up.
    IpSrc = ["ip.src"], Both, [];
    IpDst = ["ip.dst"], Both, [];
    // SMB and DCERPC.
    SmbNamedPipe = ["smb.named_pipe", "smb_named_pipe"], ToServer, [Smb];
    SmbShare = ["smb.share", "smb_share"], ToServer, [Smb];
    SmbNtlmsspUser = ["smb.ntlmssp_user"], ToServer, [Smb];
    SmbNtlmsspDomain = ["smb.ntlmssp_domain"], ToServer, [Smb];
    DcerpcStubData = ["dcerpc.stub_data", "dce_stub_data"], Both, [Dcerpc, Smb];
    // Kerberos.
    Krb5Cname = ["krb5.cname", "krb5_cname"], Both, [Krb5];
    Krb5Sname = ["krb5.sname", "krb5_sname"], Both, [Krb5];
    // MQTT.
    MqttConnectClientid = ["mqtt.connect.clientid"], ToServer, [Mqtt];
    MqttConnectUsername = ["mqtt.connect.username"], ToServer, [Mqtt];
    MqttConnectPassword = ["mqtt.connect.password"], ToServer, [Mqtt];
    MqttConnectWilltopic = ["mqtt.connect.willtopic"], ToServer, [Mqtt];
    MqttConnectWillmessage = ["mqtt.connect.willmessage"], ToServer, [Mqtt];
    MqttConnectProtocolString = ["mqtt.connect.protocol_string"], ToServer, [Mqtt];
    MqttPublishTopic = ["mqtt.publish.topic"], Both, [Mqtt];
    MqttPublishMessage = ["mqtt.publish.message"], Both, [Mqtt];
    MqttSubscribeTopic = ["mqtt.subscribe.topic"], ToServer, [Mqtt];
    MqttUnsubscribeTopic = ["mqtt.unsubscribe.topic"], ToServer, [Mqtt];
    // SNMP, RFB, IKE.
    SnmpCommunity = ["snmp.community"], Both, [Snmp];
    SnmpUsm = ["snmp.usm"], Both, [Snmp];
    RfbName = ["rfb.name"], ToClient, [Rfb];
    IkeInitSpi = ["ike.init_spi"], Both, [Ike];
    IkeRespSpi = ["ike.resp_spi"], Both, [Ike];
    IkeVendor = ["ike.vendor"], Both, [Ike];
    IkeNoncePayload = ["ike.nonce_payload"], Both, [Ike];
    IkeKeyExchangePayload = ["ike.key_exchange_payload"], Both, [Ike];
    // SIP and SDP.
    SipMethod = ["sip.method"], ToServer, [Sip];
    SipUri = ["sip.uri"], ToServer, [Sip];
    SipRequestLine = ["sip.request_line"], ToServer, [Sip];
    SipStatCode = ["sip.stat_code"], ToClient, [Sip];
    SipStatMsg = ["sip.stat_msg"], ToClient, [Sip];
    SipResponseLine = ["sip.response_line"], ToClient, [Sip];
    SipProtocol = ["sip.protocol"], Both, [Sip];
    SipFrom = ["sip.from"], Both, [Sip];
    SipTo = ["sip.to"], Both, [Sip];
    SipVia = ["sip.via"], Both, [Sip];
    SipUserAgent = ["sip.user_agent"], Both, [Sip];
    SipContentType = ["sip.content_type"], Both, [Sip];
    SipContentLength = ["sip.content_length"], Both, [Sip];
    SdpOrigin = ["sdp.origin"], Both, [Sip];
    SdpSessionName = ["sdp.session_name"], Both, [Sip];
    SdpSessionInfo = ["sdp.session_info"], Both, [Sip];
    SdpUri = ["sdp.uri"], Both, [Sip];
    SdpEmail = ["sdp.email"], Both, [Sip];
    SdpPhoneNumber = ["sdp.phone_number"], Both, [Sip];
    SdpConnectionData = ["sdp.connection_data"], Both, [Sip];
    SdpBandwidth = ["sdp.bandwidth"], Both, [Sip];
    SdpTime = ["sdp.time"], Both, [Sip];
    SdpRepeatTime = ["sdp.repeat_time"], Both, [Sip];
    SdpTimezone = ["sdp.timezone"], Both, [Sip];
    SdpEncryptionKey = ["sdp.encryption_key"], Both, [Sip];
    SdpAttribute = ["sdp.attribute"], Both, [Sip];
    SdpMediaMedia = ["sdp.media.media"], Both, [Sip];
    SdpMediaMediaInfo = ["sdp.media.media_info"], Both, [Sip];
    SdpMediaConnectionData = ["sdp.media.connection_data"], Both, [Sip];
    SdpMediaEncryptionKey = ["sdp.media.encryption_key"], Both, [Sip];
    SdpMediaBandwidth = ["sdp.media.bandwidth"], Both, [Sip];
    SdpMediaAttribute = ["sdp.media.attribute"], Both, [Sip];
    // Industrial protocols.
    Dnp3Data = ["dnp3.data", "dnp3_data"], Both, [Dnp3];
    EnipProductName = ["enip.product_name"], ToClient, [Enip];
    EnipServiceName = ["enip.service_name"], ToClient, [Enip];
    // QUIC, LDAP, PostgreSQL, WebSocket and others.
    QuicSni = ["quic.sni"], ToServer, [Quic];
    QuicUa = ["quic.ua"], ToServer, [Quic];
    QuicVersion = ["quic.version"], Both, [Quic];
    QuicCyuHash = ["quic.cyu.hash"], ToServer, [Quic];
    QuicCyuString = ["quic.cyu.string"], ToServer, [Quic];
    LdapRequestDn = ["ldap.request.dn"], ToServer, [Ldap];
    LdapRequestAttributeType = ["ldap.request.attribute_type"], ToServer, [Ldap];
    LdapResponsesDn = ["ldap.responses.dn"], ToClient, [Ldap];
    LdapResponsesMessage = ["ldap.responses.message"], ToClient, [Ldap];
    LdapResponsesAttributeType = ["ldap.responses.attribute_type"], ToClient, [Ldap];
    PgsqlQuery = ["pgsql.query"], ToServer, [Pgsql];
    WebsocketPayload = ["websocket.payload"], Both, [Websocket];
    TemplateBuffer = ["template.buffer"], Both, [Template];
    Pop3Command = ["pop3.command"], ToServer, [Pop3];
}
