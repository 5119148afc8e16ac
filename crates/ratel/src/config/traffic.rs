//! How packets become flows and streams: decoding, defragmentation, flow timeouts, TCP.

use crate::settings::{Node, Settings};
use decode::packet::TunnelPorts;
use engine::config::Config;
use engine::flow::Timeouts;
use engine::tcp::{OsPolicy, UrgentPolicy};
use event::address::AddressRange;
use std::time::Duration;

/// Ports that one kind of tunnel may be looked for at; Suricata's limit.
const MAX_TUNNEL_PORTS: usize = 4;
/// Variables may name variables; more than this go in circles.
const MAX_NAMES: usize = 8;

/// Lays what the settings say over the engine's own values.
pub fn apply(settings: &Settings, config: &mut Config) {
    decoder(settings, config);
    defrag(settings, config);
    flows(settings, config);
    streams(settings, config);
    hosts(settings, config);
}

fn decoder(settings: &Settings, config: &mut Config) {
    let decoder = &mut config.decoder;
    for (name, ports) in [
        ("teredo", &mut decoder.teredo),
        ("vxlan", &mut decoder.vxlan),
        ("geneve", &mut decoder.geneve),
    ] {
        if settings.flag(&format!("decoder.{name}.enabled")) == Some(false) {
            *ports = TunnelPorts::disabled();
        } else if let Some(node) = settings.node(&format!("decoder.{name}.ports")) {
            match self::ports(settings, node) {
                Some(numbers) => ports.ports = numbers.into_iter().take(MAX_TUNNEL_PORTS).collect(),
                None => settings.complain(format!("decoder.{name}.ports: not a list of ports")),
            }
        }
    }
    if let Some(max) = settings.number("decoder.max-layers") {
        decoder.layers_max = max;
    }
}

/// The ports that a node names; empty for any.
pub fn ports(settings: &Settings, node: &Node) -> Option<Vec<u16>> {
    let mut ports = Vec::new();
    for item in node.items() {
        if !add_ports(settings, item.text()?, MAX_NAMES, &mut ports)? {
            return Some(Vec::new());
        }
    }
    Some(ports)
}

/// Adds the ports of a list, whose items may be names of groups in turn; false where any is meant.
fn add_ports(settings: &Settings, text: &str, depth: usize, ports: &mut Vec<u16>) -> Option<bool> {
    for item in text
        .trim()
        .trim_matches(['[', ']'])
        .split(',')
        .map(str::trim)
    {
        if item == "any" {
            return Some(false);
        }
        let Some(name) = item.strip_prefix('$') else {
            ports.push(item.parse().ok()?);
            continue;
        };
        let group = settings.text(&format!("vars.port-groups.{name}"))?;
        if !add_ports(settings, group, depth.checked_sub(1)?, ports)? {
            return Some(false);
        }
    }
    Some(true)
}

fn defrag(settings: &Settings, config: &mut Config) {
    let defrag = &mut config.decoder.defrag;
    if let Some(memcap) = settings.size("defrag.memcap") {
        defrag.memory_max = usize::try_from(memcap).unwrap_or(usize::MAX);
    }
    if let Some(trackers) = settings.number("defrag.trackers") {
        defrag.trackers_max = trackers;
    }
    if let Some(fragments) = settings.number("defrag.max-frags") {
        defrag.fragments_max = fragments;
    }
    if let Some(secs) = settings.number("defrag.timeout") {
        defrag.timeout = Duration::from_secs(secs);
    }
    let hosts = settings.node("defrag.host-config");
    for (_, host) in hosts
        .into_iter()
        .flat_map(Node::items)
        .flat_map(Node::entries)
    {
        let secs = host.child_text("timeout").and_then(|t| t.parse().ok());
        let Some(secs) = secs else { continue };
        for range in host.child("address").into_iter().flat_map(ranges) {
            let timeout = Duration::from_secs(secs);
            defrag.host_timeouts.push((range, timeout));
        }
    }
}

fn flows(settings: &Settings, config: &mut Config) {
    let flow = &mut config.flow;
    if let Some(memcap) = settings.size("flow.memcap") {
        flow.memcap = memcap;
    }
    if let Some(percent) = settings.number("flow.emergency-recovery") {
        flow.emergency_recovery = percent;
    }
    if let Some(flag) = settings.flag("vlan.use-for-tracking") {
        flow.uses_vlans = flag;
    }
    if let Some(flag) = settings.flag("decoder.recursion-level.use-for-tracking") {
        flow.uses_depth = flag;
    }
    for (name, timeouts) in [
        ("default", &mut flow.other),
        ("tcp", &mut flow.tcp),
        ("udp", &mut flow.udp),
        ("icmp", &mut flow.icmp),
    ] {
        apply_timeouts(settings, name, timeouts);
    }
}

fn apply_timeouts(settings: &Settings, name: &str, timeouts: &mut Timeouts) {
    for (key, secs) in [
        ("new", &mut timeouts.new),
        ("established", &mut timeouts.established),
        ("closed", &mut timeouts.closed),
        ("bypassed", &mut timeouts.bypassed),
        ("emergency-new", &mut timeouts.emergency_new),
        ("emergency-established", &mut timeouts.emergency_established),
        ("emergency-closed", &mut timeouts.emergency_closed),
        ("emergency-bypassed", &mut timeouts.emergency_bypassed),
    ] {
        if let Some(value) = settings.number(&format!("flow-timeouts.{name}.{key}")) {
            *secs = value;
        }
    }
}

fn streams(settings: &Settings, config: &mut Config) {
    let tcp = &mut config.tcp;
    for (key, bytes) in [
        ("stream.memcap", &mut tcp.memcap),
        ("stream.reassembly.memcap", &mut tcp.reassembly_memcap),
    ] {
        if let Some(size) = settings.size(key) {
            *bytes = size;
        }
    }
    for (key, flag) in [
        ("stream.liberal-timestamps", &mut tcp.liberal_timestamps),
        ("stream.reassembly.raw", &mut tcp.raw),
        (
            "stream.reassembly.check-overlap-different-data",
            &mut tcp.check_overlap,
        ),
    ] {
        if let Some(value) = settings.flag(key) {
            *flag = value;
        }
    }
    for (key, count) in [
        ("stream.max-syn-queued", &mut tcp.max_syn_queued),
        ("stream.max-synack-queued", &mut tcp.max_synack_queued),
    ] {
        if let Some(value) = settings.number(key) {
            *count = value;
        }
    }
    for (key, bytes) in [
        (
            "stream.reassembly.toserver-chunk-size",
            &mut tcp.toserver_chunk,
        ),
        (
            "stream.reassembly.toclient-chunk-size",
            &mut tcp.toclient_chunk,
        ),
    ] {
        if let Some(size) = settings.size(key) {
            *bytes = u32::try_from(size).unwrap_or(u32::MAX);
        }
    }
    if let Some(max) = settings.number("stream.reassembly.max-regions") {
        tcp.max_regions = max;
    }
    for (key, policy) in [
        ("stream.reassembly.urgent.policy", &mut tcp.urgent),
        (
            "stream.reassembly.urgent.oob-limit-policy",
            &mut tcp.urgent_limit,
        ),
    ] {
        if let Some(text) = settings.text(key) {
            match UrgentPolicy::parse(text) {
                Some(value) => *policy = value,
                None => settings.complain(format!("{key}: {text:?} is no policy")),
            }
        }
    }
}

/// `host-os-policy`: how each host puts overlapping fragments and segments together.
fn hosts(settings: &Settings, config: &mut Config) {
    let Some(systems) = settings.node("host-os-policy") else {
        return;
    };
    for (system, addresses) in systems.entries() {
        if addresses == &Node::Empty {
            continue;
        }
        let of_tcp = OsPolicy::parse(system);
        let of_defrag = decode::defrag::Policy::parse(system);
        if of_tcp.is_none() && of_defrag.is_none() {
            settings.complain(format!("host-os-policy: {system:?} is no system"));
        }
        for range in ranges(addresses) {
            config.tcp.host_os.extend(of_tcp.map(|p| (range, p)));
            let defrag = &mut config.decoder.defrag;
            defrag.hosts.extend(of_defrag.map(|p| (range, p)));
        }
    }
}

/// The addresses that a list, or a text with commas, names; what is none is left out.
pub fn ranges(node: &Node) -> Vec<AddressRange> {
    node.items()
        .filter_map(Node::text)
        .flat_map(|text| text.trim_matches(['[', ']']).split(','))
        .filter_map(|text| AddressRange::parse(text.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str) -> Config {
        let mut config = Config::default();
        apply(&Settings::parse(text).unwrap(), &mut config);
        config
    }

    #[test]
    fn timeouts_are_taken_key_by_key() {
        let config = applied("flow-timeouts: {tcp: {closed: 60}, udp: {new: 7}}");
        let expected = Timeouts {
            closed: 60,
            ..Config::default().flow.tcp
        };
        assert_eq!(config.flow.tcp, expected);
        assert_eq!(config.flow.udp.new, 7);
        assert_eq!(config.flow.icmp, Config::default().flow.icmp);
    }

    #[test]
    fn tunnels_are_looked_for_at_the_ports_that_are_named() {
        let check = |text: &str, expected: Option<&[u16]>| {
            let config = applied(text);
            let vxlan = config.decoder.vxlan;
            let ports = vxlan.is_enabled.then_some(vxlan.ports);
            assert_eq!(ports.as_deref(), expected, "{text}");
        };
        check(
            "decoder: {vxlan: {ports: \"8472, 4789\"}}",
            Some(&[8472, 4789]),
        );
        check("decoder: {vxlan: {ports: [1, 2]}}", Some(&[1, 2]));
        check("decoder: {vxlan: {ports: any}}", Some(&[]));
        check("decoder: {vxlan: {enabled: no}}", None);
        check(
            "{decoder: {vxlan: {ports: $VX}}, vars: {port-groups: {VX: 99}}}",
            Some(&[99]),
        );
        check("decoder: {vxlan: {ports: $NOBODY}}", Some(&[4789]));
    }

    #[test]
    fn a_host_has_one_policy_for_fragments_and_for_segments() {
        let config = applied("host-os-policy: {linux: [10.0.0.0/8, \"::1\"], windows: []}");
        assert_eq!(config.tcp.host_os.len(), 2);
        assert_eq!(config.decoder.defrag.hosts.len(), 2);
        assert_eq!(config.tcp.host_os[0].1, OsPolicy::Linux);
    }

    #[test]
    fn urgent_data_follows_its_policy() {
        let config =
            applied("stream: {reassembly: {urgent: {policy: oob, oob-limit-policy: gap}}}");
        assert_eq!(config.tcp.urgent, UrgentPolicy::OutOfBand);
        assert_eq!(config.tcp.urgent_limit, UrgentPolicy::Gap);
    }
}
