//! What the configuration says about TLS.

/// Settings of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether JA3 and JA3S are computed: where the configuration, a rule or an output wants them.
    pub ja3: bool,
    /// Whether JA4 is computed: where the configuration, a rule or an output wants it.
    pub ja4: bool,
    /// What follows once the conversation is encrypted.
    pub encryption: EncryptionHandling,
}

/// What the records of one output say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Fields.
    pub fields: FieldSet,
    /// Whether conversations that resume an earlier one, and so show no certificate, are recorded.
    pub session_resumption: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            ja3: false,
            ja4: true,
            encryption: EncryptionHandling::TrackOnly,
        }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings {
            fields: FieldSet::EXTENDED.with(FieldSet::SESSION_RESUMED),
            session_resumption: true,
        }
    }
}

/// What follows once the conversation is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncryptionHandling {
    /// The flow is still counted, its payload is not inspected.
    #[default]
    TrackOnly,
    /// The flow is not looked at any more.
    Bypass,
    /// Its payload is inspected as before.
    Full,
}

/// A set of fields that a record has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(u32);

macro_rules! fields {
    ($($name:ident = $bit:literal $text:literal,)*) => {
        impl FieldSet {
            $(#[doc = concat!("`", $text, "` in the `custom` list.")] pub const $name: FieldSet = FieldSet(1 << $bit);)*

            /// The field that the `custom` list calls `name`, in any case.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($text) { return Some(FieldSet::$name); })*
                None
            }
        }
    };
}

fields! {
    VERSION = 0 "version",
    SUBJECT = 1 "subject",
    ISSUER = 2 "issuer",
    SERIAL = 3 "serial",
    FINGERPRINT = 4 "fingerprint",
    NOT_BEFORE = 5 "not_before",
    NOT_AFTER = 6 "not_after",
    SNI = 7 "sni",
    CERTIFICATE = 8 "certificate",
    CHAIN = 9 "chain",
    SESSION_RESUMED = 10 "session_resumed",
    JA3 = 11 "ja3",
    JA3S = 12 "ja3s",
    CLIENT = 13 "client",
    CLIENT_CERTIFICATE = 14 "client_certificate",
    CLIENT_CHAIN = 15 "client_chain",
    JA4 = 16 "ja4",
    SUBJECT_ALT_NAME = 17 "subjectaltname",
    CLIENT_ALPNS = 18 "client_alpns",
    SERVER_ALPNS = 19 "server_alpns",
    CLIENT_HANDSHAKE = 20 "client_handshake",
    SERVER_HANDSHAKE = 21 "server_handshake",
}

impl FieldSet {
    /// What records have without `extended`.
    pub const BASIC: FieldSet = FieldSet::SUBJECT
        .with(FieldSet::ISSUER)
        .with(FieldSet::SUBJECT_ALT_NAME);

    /// What records have with `extended`, and alerts always.
    pub const EXTENDED: FieldSet = FieldSet::BASIC
        .with(FieldSet::VERSION)
        .with(FieldSet::SERIAL)
        .with(FieldSet::FINGERPRINT)
        .with(FieldSet::NOT_BEFORE)
        .with(FieldSet::NOT_AFTER)
        .with(FieldSet::JA3)
        .with(FieldSet::JA3S)
        .with(FieldSet::JA4)
        .with(FieldSet::CLIENT)
        .with(FieldSet::CLIENT_ALPNS)
        .with(FieldSet::SERVER_ALPNS)
        .with(FieldSet::SNI);

    /// Both.
    #[must_use]
    pub const fn with(self, other: FieldSet) -> Self {
        FieldSet(self.0 | other.0)
    }

    /// Whether all of `other` are in it.
    #[must_use]
    pub const fn has(self, other: FieldSet) -> bool {
        self.0 & other.0 == other.0
    }
}
