//! The engine's settings, from the keys of a `suricata.yaml`.

mod app;
mod files;
mod http;
mod stream;

#[cfg(test)]
mod tests;

use super::eve::EveOutput;
use super::outputs::Outputs;
use super::traffic;
use crate::settings::Settings;
use crate::wants::Wants;
use engine::config::Config;
use engine::detect::{BodyWindow, BodyWindows};
pub use files::add_hash;

/// Settings of an engine. What `rules` look at is computed where the configuration leaves it open.
pub fn config(settings: &Settings, eves: &[EveOutput], outputs: &Outputs, rules: Wants) -> Config {
    let mut config = Config::default();
    // Where no port is set, any datagram may be Teredo.
    config.decoder.teredo.ports.clear();
    traffic::apply(settings, &mut config);
    let is_inline = settings.flag("engine.simulate-ips").unwrap_or(false);
    Config {
        tcp: stream::config(settings, is_inline, config.tcp),
        app: bodies_as_files(app::config(settings, eves, outputs, rules), outputs),
        is_inline,
        stores_all_files: outputs
            .file_store
            .as_ref()
            .is_some_and(|store| store.is_forced),
        stores_files: outputs.file_store.is_some(),
        file_stream_depth: outputs
            .file_store
            .as_ref()
            .and_then(|store| store.stream_depth),
        ..config
    }
}

/// Bodies that are stored as files are followed as far as files are.
fn bodies_as_files(mut app: decode::app::Config, outputs: &Outputs) -> decode::app::Config {
    let depth = outputs.file_store.as_ref().and_then(|s| s.stream_depth);
    let Some(depth) = depth.map(u64::from) else {
        return app;
    };
    let servers = app.http.servers.iter_mut().map(|(_, server)| server);
    for server in servers.chain([&mut app.http.default]) {
        for limit in [&mut server.request.limit, &mut server.response.limit] {
            if depth == 0 || (*limit != 0 && depth > *limit) {
                *limit = depth;
            }
        }
    }
    app
}

/// Settings of detection.
pub fn detection(settings: &Settings) -> engine::detect::Settings {
    let mut detection = engine::detect::Settings::default();
    if let Some(max) = settings
        .number("packet-alert-max")
        .filter(|max| (1..=usize::from(u16::MAX)).contains(max))
    {
        detection.alerts_max = max;
    }
    if let Some(guesses) = settings.flag("detect.guess-applayer-tx") {
        detection.guesses_transaction = guesses;
    }
    let server = http::default_server(settings);
    let window = |min: u64, again: u64| BodyWindow {
        min: u32::try_from(min).unwrap_or(u32::MAX),
        again: u32::try_from(again).unwrap_or(u32::MAX),
    };
    let usual = BodyWindows::default().smtp;
    let tracked = |name: &str, usual: u32| {
        let key = format!("app-layer.protocols.smtp.inspected-tracker.{name}");
        settings.size(&key).unwrap_or(usual.into())
    };
    detection.body_windows = BodyWindows {
        http: [server.request, server.response].map(|body| window(body.inspect_min, body.window)),
        smtp: window(
            tracked("content-inspect-min-size", usual.min),
            tracked("content-inspect-window", usual.again),
        ),
    };
    detection
}
