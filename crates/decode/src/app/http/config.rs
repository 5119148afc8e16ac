//! What the configuration says about HTTP/1, by the names of Suricata's `libhtp` section.

use event::address::AddressRange;
use std::net::IpAddr;

/// How much of a body is kept and when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes kept of a body in all; 0 for no limit but that of the stream.
    pub limit: u64,
    /// Bytes that must be there before an unfinished body is inspected.
    pub inspect_min: u64,
    /// Bytes inspected again before those that are new.
    pub window: u64,
}

/// What to do with `%` that no two hexadecimal digits follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvalidPercent {
    /// Leave it.
    #[default]
    Preserve,
    /// Take the `%` out.
    Remove,
    /// Decode what follows as if they were digits.
    Process,
}

/// How paths and queries are normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UriConfig {
    /// Make `/` of `\` in the path.
    pub backslash_is_slash: bool,
    /// Make one of several `/` in a row.
    pub compress_slashes: bool,
    /// Decode `%2f` in the path.
    pub decode_slashes: bool,
    /// Make the path lower case.
    pub lowercase_path: bool,
    /// Decode `%uHHHH`.
    pub decode_u: bool,
    /// Make a space of `+` in the query.
    pub plus_is_space: bool,
    /// Make single bytes of UTF-8 sequences in the path.
    pub utf8_bestfit: bool,
    /// Byte for characters that no single byte comes near to.
    pub bestfit_replacement: u8,
    /// What to do with a stray `%`.
    pub invalid_percent: InvalidPercent,
    /// `%00` ends the path or query.
    pub nul_encoded_terminates: bool,
    /// A NUL byte ends the path or query.
    pub nul_raw_terminates: bool,
    /// Decode the path twice.
    pub double_decode_path: bool,
    /// Decode the query twice.
    pub double_decode_query: bool,
    /// Write scheme, user and host into the normalised URI too.
    pub include_all: bool,
    /// Take spaces within the URI as part of it.
    pub allow_spaces: bool,
}

impl UriConfig {
    /// The personality `Minimal`, which is what holds where none is configured.
    pub const MINIMAL: UriConfig = UriConfig {
        backslash_is_slash: false,
        compress_slashes: false,
        decode_slashes: false,
        lowercase_path: false,
        decode_u: false,
        plus_is_space: false,
        utf8_bestfit: false,
        bestfit_replacement: b'?',
        invalid_percent: InvalidPercent::Preserve,
        nul_encoded_terminates: false,
        nul_raw_terminates: false,
        double_decode_path: false,
        double_decode_query: false,
        include_all: false,
        allow_spaces: true,
    };

    /// The personality `IDS`, which decodes as much as possible.
    pub const IDS: UriConfig = UriConfig {
        backslash_is_slash: true,
        compress_slashes: true,
        decode_slashes: true,
        decode_u: true,
        utf8_bestfit: true,
        ..Self::MINIMAL
    };
}

/// Whose habits requests are read by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Personality {
    /// No decoding beyond the standard.
    Minimal,
    /// What suits most servers.
    Generic,
    /// As much decoding as possible.
    #[default]
    Ids,
    /// Apache 2.
    Apache2,
    /// IIS 5.1.
    Iis51,
    /// IIS 6 and later.
    Iis6,
}

impl Personality {
    /// Reads the names that Suricata's configuration knows, such as `IDS` or `Apache_2`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "minimal" => Personality::Minimal,
            "generic" => Personality::Generic,
            "ids" => Personality::Ids,
            "apache" | "apache_2" | "apache_2_2" | "tomcat_6_0" => Personality::Apache2,
            "iis_4_0" | "iis_5_0" | "iis_5_1" => Personality::Iis51,
            "iis_6_0" | "iis_7_0" | "iis_7_5" => Personality::Iis6,
            _ => return None,
        })
    }

    /// How it reads URIs; apply this before single settings.
    #[must_use]
    pub const fn uri(self) -> UriConfig {
        match self {
            Personality::Minimal => UriConfig::MINIMAL,
            Personality::Ids => UriConfig::IDS,
            Personality::Generic | Personality::Iis51 => UriConfig {
                decode_u: false,
                utf8_bestfit: false,
                ..UriConfig::IDS
            },
            Personality::Iis6 => UriConfig {
                utf8_bestfit: false,
                ..UriConfig::IDS
            },
            Personality::Apache2 => UriConfig {
                compress_slashes: true,
                ..UriConfig::MINIMAL
            },
        }
    }
}

/// Which compression is taken out, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecompressConfig {
    /// Whether request bodies are decompressed too.
    pub requests: bool,
    /// Layers of compression taken out of one body; 0 for no limit.
    pub layer_limit: u32,
    /// Whether LZMA is taken out.
    pub lzma: bool,
    /// Memory that an LZMA dictionary may take.
    pub lzma_memory: usize,
    /// Bytes that a body may grow to before its ratio is looked at.
    pub bomb_limit: u64,
}

/// Settings of one server or of all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// How requests are read.
    pub personality: Personality,
    /// How URIs are normalised.
    pub uri: UriConfig,
    /// Request bodies.
    pub request: BodyLimits,
    /// Response bodies.
    pub response: BodyLimits,
    /// Compression.
    pub decompress: DecompressConfig,
    /// Longest line, and longest header with its folded lines.
    pub field_limit: usize,
    /// Most headers of one message.
    pub headers_limit: usize,
    /// Most transactions held at once; a flow with more is given up.
    pub transactions_limit: usize,
}

const DECOMPRESS: DecompressConfig = DecompressConfig {
    requests: true,
    layer_limit: 2,
    lzma: false,
    // What Suricata grants an LZMA dictionary.
    lzma_memory: 1 << 20,
    bomb_limit: 1 << 20,
};

impl Server {
    /// What Suricata does where its configuration file has no section for HTTP.
    pub const BUILT_IN: Server = Server {
        personality: Personality::Minimal,
        uri: UriConfig::MINIMAL,
        request: BodyLimits {
            limit: 4096,
            inspect_min: 32 * 1024,
            window: 4096,
        },
        response: BodyLimits {
            limit: 4096,
            inspect_min: 32 * 1024,
            window: 4096,
        },
        decompress: DECOMPRESS,
        field_limit: 18_000,
        headers_limit: 1024,
        transactions_limit: 512,
    };

    /// What Suricata's own configuration file says.
    pub const SHIPPED: Server = Server {
        personality: Personality::Ids,
        uri: UriConfig::IDS,
        request: BodyLimits {
            limit: 100 * 1024,
            inspect_min: 32 * 1024,
            window: 4 * 1024,
        },
        response: BodyLimits {
            limit: 100 * 1024,
            inspect_min: 40 * 1024,
            window: 16 * 1024,
        },
        ..Server::BUILT_IN
    };
}

/// Which headers the record of a transaction tells beside its usual fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// Leave out referer, method, protocol, status, redirect and length.
    pub is_brief: bool,
    /// Tell all request headers.
    pub request_headers: bool,
    /// Tell all response headers.
    pub response_headers: bool,
    /// Tell the headers of these names (`accept-language`), in lower case.
    pub custom: Vec<String>,
}

/// Everything the configuration says about HTTP/1.
#[derive(Clone, Debug)]
pub struct Config {
    /// For servers that none of `servers` names.
    pub default: Server,
    /// For servers by address, the first that holds.
    pub servers: Vec<(Vec<AddressRange>, Server)>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            default: Server::SHIPPED,
            servers: Vec::new(),
        }
    }
}

impl Config {
    /// The settings for the server at `address`.
    #[must_use]
    pub fn server(&self, address: IpAddr) -> &Server {
        self.servers
            .iter()
            .find(|(ranges, _)| ranges.iter().any(|range| range.contains(address)))
            .map_or(&self.default, |(_, server)| server)
    }
}
