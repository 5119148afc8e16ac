//! Single settings of the configuration file, by the names of Suricata's `libhtp` section.

use super::config::{InvalidPercent, Personality, Server};

impl Server {
    /// Takes the setting `key`, such as `request-body-limit`, with its value as it is written in the
    /// file. False where the key is not known or the value makes no sense.
    pub fn set(&mut self, key: &str, value: &str) -> bool {
        self.try_set(&key.to_ascii_lowercase().replace('_', "-"), value.trim())
            .is_some()
    }

    fn try_set(&mut self, key: &str, value: &str) -> Option<()> {
        let (uri, unpack) = (&mut self.uri, &mut self.decompress);
        match key {
            "personality" => {
                self.personality = Personality::parse(value)?;
                *uri = self.personality.uri();
            }
            "request-body-limit" => self.request.limit = size(value)?,
            "response-body-limit" => self.response.limit = size(value)?,
            "request-body-minimal-inspect-size" => self.request.inspect_min = size(value)?,
            "request-body-inspect-window" => self.request.window = size(value)?,
            "response-body-minimal-inspect-size" => self.response.inspect_min = size(value)?,
            "response-body-inspect-window" => self.response.window = size(value)?,
            "response-body-decompress-layer-limit" | "decompression-layer-limit" => {
                unpack.layer_limit = u32::try_from(size(value)?).ok()?;
            }
            "lzma-enabled" => unpack.lzma = flag(value)?,
            "lzma-memlimit" => unpack.lzma_memory = usize::try_from(size(value)?).ok()?,
            "compression-bomb-limit" => unpack.bomb_limit = size(value)?,
            "double-decode-path" => uri.double_decode_path = flag(value)?,
            "double-decode-query" => uri.double_decode_query = flag(value)?,
            "path-convert-backslash-separators" => uri.backslash_is_slash = flag(value)?,
            "path-convert-lowercase" => uri.lowercase_path = flag(value)?,
            "path-nul-encoded-terminates" => uri.nul_encoded_terminates = flag(value)?,
            "path-nul-raw-terminates" => uri.nul_raw_terminates = flag(value)?,
            "path-separators-compress" => uri.compress_slashes = flag(value)?,
            "path-separators-decode" => uri.decode_slashes = flag(value)?,
            "path-u-encoding-decode" => uri.decode_u = flag(value)?,
            "path-utf8-convert-bestfit" => uri.utf8_bestfit = flag(value)?,
            "query-plusspace-decode" => uri.plus_is_space = flag(value)?,
            "uri-include-all" => uri.include_all = flag(value)?,
            "allow-space-uri" => uri.allow_spaces = flag(value)?,
            "path-bestfit-replacement-char" => {
                uri.bestfit_replacement = *value.as_bytes().first()?
            }
            "path-url-encoding-invalid-handling" => {
                uri.invalid_percent = match value.to_ascii_lowercase().replace('-', "_").as_str() {
                    "preserve_percent" => InvalidPercent::Preserve,
                    "remove_percent" => InvalidPercent::Remove,
                    "decode_invalid" | "process_invalid" => InvalidPercent::Process,
                    _ => return None,
                };
            }
            "meta-field-limit" => self.field_limit = usize::try_from(size(value)?).ok()?,
            "headers-limit" => self.headers_limit = usize::try_from(size(value)?).ok()?,
            "max-tx" => self.transactions_limit = usize::try_from(size(value)?).ok()?,
            _ => return None,
        }
        Some(())
    }
}

fn flag(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Bytes, with `kb`, `mb` or `gb` behind the number or not.
fn size(value: &str) -> Option<u64> {
    let value = value.to_ascii_lowercase();
    let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match value.get(digits.len()..)?.trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_settings_by_name() {
        let mut server = Server::BUILT_IN;
        assert!(server.set("request-body-limit", "100kb"));
        assert_eq!(server.request.limit, 102_400);
        assert!(server.set("response_body_limit", "0"));
        assert_eq!(server.response.limit, 0);
        assert!(server.set("personality", "IDS"));
        assert!(server.uri.decode_slashes);
        assert!(server.set("lzma-enabled", "yes"));
        assert!(!server.set("personality", "pear"));
        assert!(!server.set("pear", "1"));
        assert!(!server.set("max-tx", "-1"));
    }
}
