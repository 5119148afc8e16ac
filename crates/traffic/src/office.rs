//! Who is there: the office's hosts, its servers, and the world outside.

use crate::random::Random;
use std::net::Ipv4Addr;

/// Resolver and clock of the office.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 1);
/// What looks at all hosts every few minutes.
pub(crate) const MONITOR: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 5);
/// Shared files, and where copies of them go at night.
pub(crate) const FILES: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 10);
pub(crate) const BACKUP: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 11);
/// A server that people log in to.
pub(crate) const SHELL: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 12);
/// What the office shows the world.
pub(crate) const WEB: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 13);
pub(crate) const PRINTER: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 20);
/// Mail, updates, telemetry, time and calls, outside.
pub(crate) const MAIL: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 25);
pub(crate) const UPDATES: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 40);
pub(crate) const TELEMETRY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 41);
pub(crate) const CHAT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 42);
pub(crate) const CALLS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 43);
pub(crate) const CLOUD: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 44);

/// The `n`-th workstation.
pub(crate) fn person(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 20, 1, 10_u8.saturating_add(n))
}

/// One of the sites that people go to: few often, many seldom. Its address and its name.
pub(crate) fn site(random: &mut Random) -> (Ipv4Addr, String) {
    let part = random.part();
    let n = (part * part * part * 200.0) as u8;
    let name = SITES
        .get(usize::from(n) % SITES.len())
        .copied()
        .unwrap_or("www");
    let place = ["example", "example.com", "example.net", "example.org"];
    let place = place.get(usize::from(n) % 4).copied().unwrap_or("example");
    (Ipv4Addr::new(203, 0, 113, n), format!("{name}{n}.{place}"))
}

/// Somebody outside who looks at the office's own pages.
pub(crate) fn visitor(random: &mut Random) -> Ipv4Addr {
    Ipv4Addr::new(
        198,
        18,
        random.within(0, 255) as u8,
        random.within(1, 254) as u8,
    )
}

const SITES: &[&str] = &[
    "www", "news", "shop", "static", "cdn-edge", "images", "api", "login", "docs", "forum", "wiki",
    "maps", "media", "fonts", "weather", "travel", "bank", "play",
];
