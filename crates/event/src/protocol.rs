//! Names of protocols as rules and EVE records spell them.

/// A protocol number of the IP header (IANA "Assigned Internet Protocol Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpProtocol(pub u8);

impl IpProtocol {
    /// ICMP, RFC 792.
    pub const ICMP: Self = Self(1);
    /// IP in IP, RFC 2003.
    pub const IPIP: Self = Self(4);
    /// TCP, RFC 9293.
    pub const TCP: Self = Self(6);
    /// UDP, RFC 768.
    pub const UDP: Self = Self(17);
    /// IPv6 encapsulation, RFC 2473.
    pub const IPV6: Self = Self(41);
    /// GRE, RFC 2784.
    pub const GRE: Self = Self(47);
    /// ESP, RFC 4303.
    pub const ESP: Self = Self(50);
    /// AH, RFC 4302.
    pub const AH: Self = Self(51);
    /// ICMPv6, RFC 4443.
    pub const ICMPV6: Self = Self(58);
    /// SCTP, RFC 9260.
    pub const SCTP: Self = Self(132);

    /// EVE's spelling, such as `TCP` or `IPv6-ICMP`; None where EVE writes the number in three digits.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        IP_PROTOCOL_NAMES.get(usize::from(self.0)).copied()
    }
}

/// IANA's names by number, as EVE spells them; those without a name of their own are `Any`.
#[rustfmt::skip]
const IP_PROTOCOL_NAMES: [&str; 144] = [
    "HOPOPT", "ICMP", "IGMP", "GGP", "IP-in-IP", "ST", "TCP", "CBT",
    "EGP", "IGP", "BBN-RCC-MON", "NVP-II", "PUP", "ARGUS", "EMCON", "XNET",
    "CHAOS", "UDP", "MUX", "DCN-MEAS", "HMP", "PRM", "XNS-IDP", "TRUNK-1",
    "TRUNK-2", "LEAF-1", "LEAF-2", "RDP", "IRTP", "ISO-TP4", "NETBLT", "MFE-NSP",
    "MERIT-INP", "DCCP", "3PC", "IDPR", "XTP", "DDP", "IDPR-CMTP", "TP++",
    "IL", "IPv6", "SDRP", "IPv6-Route", "IPv6-Frag", "IDRP", "RSVP", "GRE",
    "DSR", "BNA", "ESP", "AH", "I-NLSP", "SwIPe", "NARP", "MOBILE",
    "TLSP", "SKIP", "IPv6-ICMP", "IPv6-NoNxt", "IPv6-Opts", "Any", "CFTP", "Any",
    "SAT-EXPAK", "KRYPTOLAN", "RVD", "IPPC", "Any", "SAT-MON", "VISA", "IPCU",
    "CPNX", "CPHB", "WSN", "PVP", "BR-SAT-MON", "SUN-ND", "WB-MON", "WB-EXPAK",
    "ISO-IP", "VMTP", "SECURE-VMTP", "VINES", "TTP", "NSFNET-IGP", "DGP", "TCF",
    "EIGRP", "OSPF", "Sprite-RPC", "LARP", "MTP", "AX.25", "OS", "MICP",
    "SCC-SP", "ETHERIP", "ENCAP", "Any", "GMTP", "IFMP", "PNNI", "PIM",
    "ARIS", "SCPS", "QNX", "A/N", "IPComp", "SNP", "Compaq-Peer", "IPX-in-IP",
    "VRRP", "PGM", "Any", "L2TP", "DDX", "IATP", "STP", "SRP",
    "UTI", "SMP", "SM", "PTP", "IS-IS", "FIRE", "CRTP", "CRUDP",
    "SSCOPMCE", "IPLT", "SPS", "PIPE", "SCTP", "FC", "RSVP-E2E-IGNORE", "Mobility",
    "UDPLite", "MPLS-in-IP", "manet", "HIP", "Shim6", "WESP", "ROHC", "Ethernet",
];

macro_rules! app_protocols {
    ($($(#[$doc:meta])* $name:ident = $text:literal $(| $alias:literal)*,)*) => {
        /// A protocol that an application speaks on top of TCP or UDP, in Suricata 8's spelling.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum AppProtocol { $($(#[$doc])* #[doc = concat!("`", $text, "`.")] $name,)* }

        impl AppProtocol {
            /// Every one, in the order of the enum.
            pub const ALL: &'static [AppProtocol] = &[$(AppProtocol::$name,)*];

            /// The name in rules and records.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(AppProtocol::$name => $text,)* }
            }

            /// The protocol that a rule or a configuration names.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text $(| $alias)* => Some(AppProtocol::$name),)* _ => None }
            }
        }
    };
}

app_protocols! {
    /// Not told yet.
    Unknown = "unknown",
    /// Looked at and not recognised: records say `failed`.
    Failed = "failed",
    /// HTTP in any version, as rules say it: stands for `Http1` and `Http2`.
    Http = "http",
    Http1 = "http1",
    Http2 = "http2",
    /// DNS over UDP or TCP.
    Dns = "dns",
    /// DNS over HTTP/2 (RFC 8484).
    Doh2 = "doh2",
    Tls = "tls" | "ssl",
    Ssh = "ssh",
    Smtp = "smtp",
    Ftp = "ftp",
    FtpData = "ftp-data",
    Smb = "smb",
    Dcerpc = "dcerpc",
    Nfs = "nfs",
    Quic = "quic",
    Dhcp = "dhcp",
    Krb5 = "krb5",
    Snmp = "snmp",
    Sip = "sip",
    Rdp = "rdp",
    Rfb = "rfb",
    Mqtt = "mqtt",
    Tftp = "tftp",
    Ike = "ike" | "ikev1" | "ikev2",
    Ntp = "ntp",
    Modbus = "modbus",
    Dnp3 = "dnp3",
    Enip = "enip",
    Ldap = "ldap",
    Pgsql = "pgsql",
    Websocket = "websocket",
    Pop3 = "pop3",
    Imap = "imap",
    Telnet = "telnet",
    BittorrentDht = "bittorrent-dht",
    Mdns = "mdns",
    Irc = "irc",
    Jabber = "jabber",
    Msn = "msn",
    Template = "template",
}

impl AppProtocol {
    /// Whether a rule for `self` applies to a flow that speaks `spoken`.
    #[must_use]
    pub fn covers(self, spoken: AppProtocol) -> bool {
        match self {
            AppProtocol::Http => {
                matches!(
                    spoken,
                    AppProtocol::Http1 | AppProtocol::Http2 | AppProtocol::Http
                )
            }
            AppProtocol::Dns => {
                matches!(spoken, AppProtocol::Dns | AppProtocol::Doh2)
            }
            AppProtocol::Http2 => matches!(spoken, AppProtocol::Http2 | AppProtocol::Doh2),
            AppProtocol::Dcerpc => matches!(spoken, AppProtocol::Dcerpc | AppProtocol::Smb),
            other => other == spoken,
        }
    }
}
