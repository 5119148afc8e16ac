//! Names of record types and response codes, as records and the configuration spell them.

macro_rules! record_types {
    ($($name:ident = $number:literal,)*) => {
        /// Every type with a name, in the order of their numbers.
        const NAMED: &[(u16, &str)] = &[$(($number, stringify!($name)),)*];
    };
}

record_types! {
    A = 1, NS = 2, MD = 3, MF = 4, CNAME = 5, SOA = 6, MB = 7, MG = 8, MR = 9, NULL = 10, WKS = 11,
    PTR = 12, HINFO = 13, MINFO = 14, MX = 15, TXT = 16, RP = 17, AFSDB = 18, X25 = 19, ISDN = 20,
    RT = 21, NSAP = 22, NSAPPTR = 23, SIG = 24, KEY = 25, PX = 26, GPOS = 27, AAAA = 28, LOC = 29,
    NXT = 30, SRV = 33, ATMA = 34, NAPTR = 35, KX = 36, CERT = 37, A6 = 38, DNAME = 39, OPT = 41,
    APL = 42, DS = 43, SSHFP = 44, IPSECKEY = 45, RRSIG = 46, NSEC = 47, DNSKEY = 48, DHCID = 49,
    NSEC3 = 50, NSEC3PARAM = 51, TLSA = 52, HIP = 55, CDS = 59, CDNSKEY = 60, HTTPS = 65, SPF = 99,
    TKEY = 249, TSIG = 250, MAILA = 254, ANY = 255, URI = 256,
}

const RCODES: [&str; 11] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE",
];

/// A record type's name, such as `AAAA`; its number where it has none.
#[derive(Clone, Copy)]
pub struct RecordType(pub u16);

/// A response code's name, such as `NXDOMAIN`; its number where it has none.
#[derive(Clone, Copy)]
pub struct Rcode(pub u16);

impl RecordType {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Name server.
    pub const NS: u16 = 2;
    /// Canonical name.
    pub const CNAME: u16 = 5;
    /// Start of authority.
    pub const SOA: u16 = 6;
    /// Any bytes.
    pub const NULL: u16 = 10;
    /// Pointer.
    pub const PTR: u16 = 12;
    /// Mail exchange.
    pub const MX: u16 = 15;
    /// Texts.
    pub const TXT: u16 = 16;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// Service.
    pub const SRV: u16 = 33;
    /// Options of EDNS.
    pub const OPT: u16 = 41;
    /// Fingerprint of an SSH key.
    pub const SSHFP: u16 = 44;

    /// Its name, in upper case.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let at = NAMED
            .binary_search_by_key(&self.0, |(number, _)| *number)
            .ok()?;
        NAMED.get(at).map(|(_, name)| *name)
    }
}

impl std::fmt::Display for RecordType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl std::fmt::Display for Rcode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match RCODES.get(usize::from(self.0)) {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A set of named record types: the `types` list of the log configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeSet(u64);

impl TypeSet {
    /// Every type that has a name.
    pub const NAMED: TypeSet = TypeSet(u64::MAX);

    /// Adds a type by its name, in any case. False where there is no such type.
    pub fn insert(&mut self, name: &str) -> bool {
        let place = NAMED
            .iter()
            .position(|(_, known)| known.eq_ignore_ascii_case(name));
        self.0 |= place.map_or(0, |place| 1 << place);
        place.is_some()
    }

    /// Whether the type is named and in the set.
    #[must_use]
    pub fn has(self, rrtype: u16) -> bool {
        NAMED
            .binary_search_by_key(&rrtype, |(number, _)| *number)
            .is_ok_and(|place| self.0 >> place & 1 == 1)
    }
}

// A set is one word.
const _: () = assert!(NAMED.len() <= 64);
