//! `stream`: what depends on how packets are taken, and what is looked at.

use crate::settings::{Settings, truth};
use engine::tcp::Config;

/// Lays what the settings say over `config`.
pub fn config(settings: &Settings, is_inline: bool, config: Config) -> Config {
    let mut config = Config {
        inline: match settings.text("stream.inline") {
            None | Some("auto") => is_inline,
            Some(text) => truth(text).unwrap_or(is_inline),
        },
        // Where no depth is set, all is looked at.
        depth: settings
            .size("stream.reassembly.depth")
            .map_or(0, |depth| u32::try_from(depth).unwrap_or(u32::MAX)),
        ..config
    };
    for (key, flag) in [
        ("midstream", &mut config.midstream),
        ("async-oneside", &mut config.async_oneside),
        ("bypass", &mut config.bypass),
        ("drop-invalid", &mut config.drop_invalid),
        ("checksum-validation", &mut config.checksum_validation),
    ] {
        if let Some(value) = settings.flag(&format!("stream.{key}")) {
            *flag = value;
        }
    }
    // A capture's packets are checked by their own key, over that of streams.
    if settings.flag_or("pcap-file.checksum-checks", &["auto"]) == Some(false) {
        config.checksum_validation = false;
    }
    config
}
