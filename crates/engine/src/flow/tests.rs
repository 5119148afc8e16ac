//! The flow table on packets.

use super::*;
use crate::tcp;
use decode::build::{Stack, Tcp};
use decode::packet::{Decoder, Frame, LinkType, Tcp as Header};
use proptest::prelude::*;

fn put(table: &mut Table, secs: i64, stack: &Stack) -> Option<Hit> {
    let config = tcp::Config::default();
    let mut counters = tcp::Counters::default();
    let bytes = stack.bytes();
    let frame = Frame {
        time: Timestamp::new(1_700_000_000 + secs, 0),
        number: 1,
        data: &bytes,
        wire_len: bytes.len() as u32,
        link: LinkType::RAW,
    };
    let mut hit = None;
    Decoder::new(decode::packet::Config::default()).decode(&frame, |packet| {
        hit = table.on_packet(packet, &config);
        if let (Some(hit), Transport::Tcp(header)) = (hit, packet.transport)
            && let Some(flow) = table.get_mut(hit.index)
        {
            let direction = hit.direction;
            let slot = &mut flow.tcp;
            tcp::Session::on_packet(slot, &config, &mut counters, packet, &header, direction);
            flow.follow_tcp();
        }
    });
    hit
}

fn udp(source: &str, destination: &str, ports: (u16, u16)) -> Stack {
    Stack::raw()
        .ipv4(source, destination)
        .udp(ports.0, ports.1)
        .payload(b"x")
}

fn tcp_packet(way: Direction, flags: u8, sequence: u32) -> Stack {
    let (source, destination, ports) = match way {
        Direction::ToServer => ("10.0.0.1", "10.0.0.2", (4000, 80)),
        Direction::ToClient => ("10.0.0.2", "10.0.0.1", (80, 4000)),
    };
    let ack = if flags & Header::ACK == 0 { 0 } else { 1 };
    Stack::raw()
        .ipv4(source, destination)
        .tcp(Tcp::new(ports.0, ports.1, flags).at(sequence, ack))
}

#[test]
fn both_directions_are_one_flow() {
    let mut table = Table::new(Config::default());
    let first = put(&mut table, 0, &udp("10.0.0.1", "10.0.0.2", (1, 2))).unwrap();
    let answer = put(&mut table, 1, &udp("10.0.0.2", "10.0.0.1", (2, 1))).unwrap();
    assert_eq!(first.index, answer.index);
    assert_eq!((first.is_new, first.is_established), (true, false));
    assert_eq!((answer.is_new, answer.is_established), (false, true));
    assert_eq!(answer.direction, Direction::ToClient);
    let flow = table.get(first.index).unwrap();
    assert_eq!((flow.packets, flow.state), ([1, 1], State::Established));
    put(&mut table, 1, &udp("10.0.0.2", "10.0.0.1", (1, 2))).unwrap();
    assert_eq!(table.len(), 2);
}

#[test]
fn vlans_keep_flows_apart() {
    let check = |uses_vlans, expected| {
        let mut table = Table::new(Config {
            uses_vlans,
            ..Config::default()
        });
        for id in [1, 2] {
            let stack = Stack::ethernet()
                .vlan(id)
                .ipv4("10.0.0.1", "10.0.0.2")
                .udp(1, 2);
            let bytes = stack.bytes();
            let frame = Frame {
                time: Timestamp::new(0, 0),
                number: 1,
                data: &bytes,
                wire_len: bytes.len() as u32,
                link: LinkType::ETHERNET,
            };
            Decoder::new(decode::packet::Config::default()).decode(&frame, |packet| {
                table.on_packet(packet, &tcp::Config::default());
            });
        }
        assert_eq!(table.len(), expected);
    };
    check(true, 2);
    check(false, 1);
}

#[test]
fn pings_and_errors_belong_to_their_flows() {
    let mut table = Table::new(Config::default());
    let ping = Stack::raw()
        .ipv4("10.0.0.1", "10.0.0.2")
        .icmp(8, 0, [0, 1, 0, 1]);
    let pong = Stack::raw()
        .ipv4("10.0.0.2", "10.0.0.1")
        .icmp(0, 0, [0, 1, 0, 1]);
    let first = put(&mut table, 0, &ping).unwrap();
    assert_eq!(put(&mut table, 0, &pong).unwrap().index, first.index);

    let query = udp("10.0.0.1", "10.0.0.2", (5000, 53));
    let flow = put(&mut table, 0, &query).unwrap();
    let quoted = query.bytes();
    let error = Stack::raw()
        .ipv4("10.0.0.2", "10.0.0.1")
        .icmp(3, 3, [0; 4])
        .payload(&quoted[..28.min(quoted.len())]);
    let hit = put(&mut table, 0, &error).unwrap();
    assert_eq!(
        (hit.index, hit.is_error, hit.direction),
        (flow.index, true, Direction::ToClient)
    );
}

#[test]
fn protocols_without_ports_go_to_the_server_from_both_ends() {
    let mut table = Table::new(Config::default());
    let tunnel = |source, destination| {
        Stack::raw()
            .ipv4(source, destination)
            .protocol(IpProtocol(41))
    };
    let there = put(&mut table, 0, &tunnel("10.0.0.1", "10.0.0.2")).unwrap();
    let back = put(&mut table, 0, &tunnel("10.0.0.2", "10.0.0.1")).unwrap();
    assert_eq!(there.index, back.index);
    assert_eq!(back.direction, Direction::ToServer);
}

#[test]
fn a_packet_after_the_timeout_opens_a_new_flow() {
    let check = |secs, expected: bool| {
        let mut table = Table::new(Config::default());
        let stack = udp("10.0.0.1", "10.0.0.2", (1, 2));
        put(&mut table, 0, &stack);
        let hit = put(&mut table, secs, &stack).unwrap();
        assert_eq!(hit.is_new, expected, "{secs}");
        let reasons: Vec<_> = table
            .take_ended()
            .iter()
            .map(|flow| flow.end_reason)
            .collect();
        assert_eq!(
            reasons,
            if expected {
                vec![Some("timeout")]
            } else {
                vec![]
            }
        );
    };
    check(30, false);
    check(31, true);
}

#[test]
fn a_new_connection_between_the_same_ends_is_a_new_flow() {
    let mut table = Table::new(Config::default());
    put(
        &mut table,
        0,
        &tcp_packet(Direction::ToServer, Header::SYN, 100),
    );
    let again = put(
        &mut table,
        0,
        &tcp_packet(Direction::ToServer, Header::SYN, 100),
    )
    .unwrap();
    assert!(!again.is_new);
    let other = put(
        &mut table,
        0,
        &tcp_packet(Direction::ToServer, Header::SYN, 900),
    )
    .unwrap();
    assert!(!other.is_new, "the first one is still being opened");
    let reset = Stack::raw()
        .ipv4("10.0.0.2", "10.0.0.1")
        .tcp(Tcp::new(80, 4000, Header::RST | Header::ACK).at(0, 101));
    put(&mut table, 0, &reset);
    let hit = put(
        &mut table,
        0,
        &tcp_packet(Direction::ToServer, Header::SYN, 900),
    )
    .unwrap();
    assert!(hit.is_new);
    let ended = table.take_ended();
    assert_eq!(
        ended.iter().map(|flow| flow.end_reason).collect::<Vec<_>>(),
        [Some("tcp_reuse")]
    );
    assert_eq!(table.counters().tcp_reuse, 1);
}

#[test]
fn memory_is_limited_by_giving_up_the_silent() {
    let mut table = Table::new(Config {
        memcap: 64 * 512,
        ..Config::default()
    });
    for port in 1..1000 {
        let secs = i64::from(port) / 100;
        assert!(put(&mut table, secs, &udp("10.0.0.1", "10.0.0.2", (port, 53))).is_some());
    }
    assert!(table.len() <= 64 && table.is_emergency());
    assert_eq!(table.len() + table.take_ended().len(), 999);
    assert_eq!(table.counters().emergency_entered, 1);
}

#[test]
fn flows_end_in_the_order_they_began() {
    let mut table = Table::new(Config::default());
    for port in [7, 3, 9] {
        put(&mut table, 0, &udp("10.0.0.1", "10.0.0.2", (port, 53)));
    }
    table.end_all("shutdown");
    assert!(table.is_empty());
    let ended = table.take_ended();
    assert_eq!(
        ended
            .iter()
            .map(|flow| flow.client_port)
            .collect::<Vec<_>>(),
        [7, 3, 9]
    );
    assert!(
        ended
            .iter()
            .all(|flow| flow.end_reason == Some("shutdown") && flow.id < 1 << 51)
    );
}

#[test]
fn swapped_ends_swap_all_that_has_a_direction() {
    let mut table = Table::new(Config::default());
    let hit = put(&mut table, 0, &udp("10.0.0.1", "10.0.0.2", (1, 2))).unwrap();
    let flow = table.get_mut(hit.index).unwrap();
    flow.swap_ends();
    assert_eq!(
        (flow.client_port, flow.packets, flow.is_swapped),
        (2, [0, 1], true)
    );
    let hit = put(&mut table, 0, &udp("10.0.0.1", "10.0.0.2", (1, 2))).unwrap();
    assert_eq!((hit.is_new, hit.direction), (false, Direction::ToClient));
}

proptest! {
    #[test]
    fn every_flow_is_open_or_ended(
        packets in proptest::collection::vec((0u16..20, 0u16..20, 0i64..100), 1..200),
    ) {
        let mut table = Table::new(Config {
            memcap: 10 * 512,
            sweep_above: 4,
            ..Config::default()
        });
        let mut opened = 0;
        let mut now = 0;
        for (source, destination, pause) in packets {
            now += pause / 10;
            let hit = put(&mut table, now, &udp("10.0.0.1", "10.0.0.2", (source, destination)));
            opened += usize::from(hit.is_some_and(|hit| hit.is_new));
        }
        prop_assert_eq!(opened, table.len() + table.take_ended().len());
        prop_assert!(table.len() <= 10);
    }
}
