//! Numbers of a transaction that rules compare: `dns.opcode`, `tls.cert_chain_len` and their like.

macro_rules! numbers {
    ($($name:ident = $text:literal,)*) => {
        /// A number that an application record holds and a rule keyword compares.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Number { $(#[doc = concat!("`", $text, "`.")] $name,)* }

        impl Number {
            /// The keyword in rules.
            #[must_use]
            pub const fn keyword(self) -> &'static str {
                match self { $(Number::$name => $text,)* }
            }

            /// The number that a keyword names.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Number::$name),)* _ => None }
            }
        }
    };
}

numbers! {
    DnsOpcode = "dns.opcode",
    DnsRcode = "dns.rcode",
    DnsRrtype = "dns.rrtype",
    HttpStatCode = "http.stat_code",
    TlsCertChainLen = "tls.cert_chain_len",
    TlsVersion = "tls.version",
    TlsNotBefore = "tls_cert_notbefore",
    TlsNotAfter = "tls_cert_notafter",
    SshSoftwareVersion = "ssh.version",
    FtpCompletionCode = "ftp.completion_code.number",
    FtpDynamicPort = "ftp.dynamic_port",
    FtpReplyReceived = "ftp.reply_received",
    FtpMode = "ftp.mode",
    SmtpReply = "smtp.reply_code",
    HttpUriLen = "urilen",
    DhcpLeasetime = "dhcp.leasetime",
    DhcpRebindingTime = "dhcp.rebinding_time",
    DhcpRenewalTime = "dhcp.renewal_time",
    EnipCipAttribute = "enip.cip_attribute",
    EnipCipClass = "enip.cip_class",
    EnipCipInstance = "enip.cip_instance",
    EnipCipStatus = "enip.cip_status",
    EnipCipExtendedstatus = "enip.cip_extendedstatus",
    EnipStatus = "enip.status",
    EnipState = "enip.state",
    EnipIdentityStatus = "enip.identity_status",
    EnipDeviceType = "enip.device_type",
    EnipVendorId = "enip.vendor_id",
    EnipProductCode = "enip.product_code",
    EnipRevision = "enip.revision",
    EnipSerial = "enip.serial",
    EnipCapabilities = "enip.capabilities",
    EnipProtocolVersion = "enip.protocol_version",
    IkeExchtype = "ike.exchtype",
    IkeKeyExchangePayloadLength = "ike.key_exchange_payload_length",
    IkeNoncePayloadLength = "ike.nonce_payload_length",
    SnmpVersion = "snmp.version",
    SnmpPduType = "snmp.pdu_type",
    MqttProtocolVersion = "mqtt.protocol_version",
    MqttReasonCode = "mqtt.reason_code",
    MqttQos = "mqtt.qos",
    MqttType = "mqtt.type",
    RfbSectype = "rfb.sectype",
    RfbSecresult = "rfb.secresult",
    LdapResponsesCount = "ldap.responses.count",
    LdapRequestOperation = "ldap.request.operation",
    LdapResponsesOperation = "ldap.responses.operation",
    LdapResponsesResultCode = "ldap.responses.result_code",
    WebsocketOpcode = "websocket.opcode",
    WebsocketMask = "websocket.mask",
    WebsocketFlags = "websocket.flags",
    NfsProcedure = "nfs_procedure",
    NfsVersion = "nfs.version",
    Http2Window = "http2.window",
    Http2SizeUpdate = "http2.size_update",
    Http2Frametype = "http2.frametype",
    Http2Errorcode = "http2.errorcode",
    Http2Priority = "http2.priority",
    Krb5ErrCode = "krb5_err_code",
    Krb5MsgType = "krb5_msg_type",
    SmbVersion = "smb.version",
    DcerpcOpnum = "dcerpc.opnum",
}
