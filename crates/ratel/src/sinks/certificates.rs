//! `tls-store`: certificates that rules asked for, each chain a PEM file with what was seen beside it.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::output::Certificates;
use engine::records::Seen;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Letters in a line of a PEM file (RFC 7468 section 2).
const LINE: usize = 64;

/// Where certificates are stored.
pub struct Store {
    dir: PathBuf,
    count: u64,
}

impl Store {
    /// Makes the folder.
    pub fn open(folder: &Path, dir: &str) -> Result<Self> {
        let dir = folder.join(dir);
        fs::create_dir_all(&dir)
            .with_context(|| format!("cannot create the folder {}", dir.display()))?;
        Ok(Store { dir, count: 0 })
    }

    /// Writes a chain and what is known of it.
    pub fn write(&mut self, certificates: &Certificates<'_>, seen: &Seen<'_>) -> io::Result<()> {
        self.count += 1;
        let side = if certificates.is_of_client {
            "client-"
        } else {
            ""
        };
        let name = format!(
            "{side}{}.{:06}-{}",
            seen.time.secs(),
            seen.time.subsec_micros(),
            self.count
        );
        let chain: String = certificates.chain.iter().map(|der| pem(der)).collect();
        fs::write(self.dir.join(format!("{name}.pem")), chain)?;
        fs::write(
            self.dir.join(format!("{name}.meta")),
            facts(certificates, seen),
        )
    }
}

/// A certificate between its lines.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

/// When, where and whose.
fn facts(certificates: &Certificates<'_>, seen: &Seen<'_>) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string can't fail.
        let _ = writeln!(out, "{:<18} {value}", format!("{name}:"));
    };
    line("TIME", &seen.time);
    if seen.number > 0 {
        line("PCAP PKT NUM", &seen.number);
    }
    if let (Some(source), Some(destination)) = (seen.source, seen.destination) {
        line("SRC IP", &source);
        line("DST IP", &destination);
    }
    if let Some(protocol) = seen.protocol {
        line("PROTO", &protocol.0);
    }
    if let (Some(source), Some(destination)) = (seen.source_port, seen.destination_port) {
        line("SRC PORT", &source);
        line("DST PORT", &destination);
    }
    line("TLS SUBJECT", &certificates.subject);
    line("TLS ISSUERDN", &certificates.issuer);
    line("TLS FINGERPRINT", &certificates.fingerprint);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_pem_are_64_letters_long() {
        let text = pem(&[7; 50]);
        let lines: Vec<_> = text.lines().map(str::len).collect();
        assert_eq!(lines, [27, 64, 4, 25]);
    }
}
