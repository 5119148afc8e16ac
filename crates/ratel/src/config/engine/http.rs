//! `app-layer.protocols.http.libhtp`.

use crate::config::traffic::ranges;
use crate::settings::{Node, Settings};
use decode::app::http::{Config, Server};

const LIBHTP: &str = "app-layer.protocols.http.libhtp";

/// Keys of servers that say what we do anyway, or what is gone from what we follow: Flash.
const WITHOUT_EFFECT: &[&str] = &[
    "http-body-inline",
    "swf-decompression",
    "randomize-inspection-sizes",
    "randomize-inspection-range",
];

/// Settings of HTTP/1.
pub fn config(settings: &Settings) -> Config {
    let named = settings.node(&format!("{LIBHTP}.server-config"));
    let servers = named
        .into_iter()
        .flat_map(Node::items)
        .flat_map(Node::entries);
    Config {
        default: default_server(settings),
        servers: servers
            .map(|(_, node)| {
                let ranges = node.child("address").map(ranges).unwrap_or_default();
                (ranges, server(settings, node))
            })
            .collect(),
    }
}

/// What holds for servers that no entry of `server-config` names.
pub fn default_server(settings: &Settings) -> Server {
    match settings.node(&format!("{LIBHTP}.default-config")) {
        Some(node) => server(settings, node),
        None => Server::BUILT_IN,
    }
}

fn server(settings: &Settings, node: &Node) -> Server {
    let mut server = Server::BUILT_IN;
    // The personality decides what single settings change.
    if let Some(personality) = node.child_text("personality")
        && !server.set("personality", personality)
    {
        settings.complain(format!("{LIBHTP}: no personality {personality:?}"));
    }
    for (key, value) in node.entries() {
        let is_known = ["personality", "address"].contains(&key.as_str())
            || WITHOUT_EFFECT.contains(&key.as_str());
        if let Some(value) = value.text()
            && !is_known
            && !server.set(key, value)
        {
            settings.complain(format!("{LIBHTP}: {key}: {value} is not known"));
        }
    }
    server
}
