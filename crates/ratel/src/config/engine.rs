//! The engine's settings, from the keys of a `suricata.yaml`.

use super::outputs::Outputs;
use crate::settings::Settings;
use engine::config::Config;

/// Settings of an engine.
pub fn config(settings: &Settings, outputs: &Outputs) -> Config {
    let mut config = Config {
        is_inline: settings.flag("engine.simulate-ips").unwrap_or(false),
        ..Config::default()
    };
    tcp(settings, &mut config);
    super::traffic::apply(settings, &mut config);
    config.stores_all_files = outputs
        .file_store
        .as_ref()
        .is_some_and(|store| store.is_forced);
    config.app.tls.ja3 = true;
    config.app.ssh.hassh = true;
    config
}

/// Settings of detection.
pub fn detection(settings: &Settings) -> engine::detect::Settings {
    let mut detection = engine::detect::Settings::default();
    if let Some(max) = settings.number::<u16>("packet-alert-max")
        && max > 0
    {
        detection.alerts_max = usize::from(max);
    }
    detection
}

fn tcp(settings: &Settings, config: &mut Config) {
    let tcp = &mut config.tcp;
    tcp.inline = match settings.text("stream.inline") {
        None | Some("auto") => config.is_inline,
        Some(text) => crate::settings::truth(text).unwrap_or(config.is_inline),
    };
    for (key, flag) in [
        ("stream.midstream", &mut tcp.midstream),
        ("stream.async-oneside", &mut tcp.async_oneside),
        ("stream.checksum-validation", &mut tcp.checksum_validation),
        ("stream.bypass", &mut tcp.bypass),
        ("stream.drop-invalid", &mut tcp.drop_invalid),
    ] {
        if let Some(value) = settings.flag(key) {
            *flag = value;
        }
    }
    if let Some(depth) = settings.size("stream.reassembly.depth") {
        tcp.depth = u32::try_from(depth).unwrap_or(u32::MAX);
    }
}
