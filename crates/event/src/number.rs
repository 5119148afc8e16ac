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
}
