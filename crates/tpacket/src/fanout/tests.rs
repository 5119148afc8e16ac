//! The program, run by an interpreter of the few instructions that it uses.

use super::*;
use proptest::prelude::*;

/// Runs `program` as the kernel does: 0 where it reads beyond the packet.
fn run(program: &[Instruction], packet: &[u8], protocol: u16, packet_type: u32) -> u32 {
    let (mut a, mut x, mut memory) = (0u32, 0u32, [0u32; 16]);
    let load = |at: u32, len: usize| -> Option<u32> {
        let bytes = packet.get(at as usize..at as usize + len)?;
        Some(bytes.iter().fold(0, |v, b| v << 8 | u32::from(*b)))
    };
    let mut at = 0;
    loop {
        let Instruction {
            code,
            if_true,
            if_false,
            value,
        } = program[at];
        at += 1;
        let loaded = match code {
            op::LOAD_HALF if value == PROTOCOL => Some(u32::from(protocol)),
            op::LOAD_WORD if value == PACKET_TYPE => Some(packet_type),
            op::LOAD_HALF => load(value, 2),
            op::LOAD_WORD_AT_X => load(x + value, 4),
            op::LOAD_HALF_AT_X => load(x + value, 2),
            op::LOAD_BYTE_AT_X => load(x + value, 1),
            op::LOAD_MEMORY => Some(memory[value as usize]),
            op::ADD => Some(a.wrapping_add(value)),
            op::ADD_X => Some(a.wrapping_add(x)),
            op::MULTIPLY => Some(a.wrapping_mul(value)),
            op::AND => Some(a & value),
            op::SHIFT_RIGHT => Some(a >> value),
            op::XOR_X => Some(a ^ x),
            op::X_TO_A => Some(x),
            op::RETURN => return value,
            op::RETURN_A => return a,
            other => {
                match other {
                    op::LOAD_X_NUMBER => x = value,
                    op::LOAD_X_MEMORY => x = memory[value as usize],
                    op::STORE => memory[value as usize] = a,
                    op::A_TO_X => x = a,
                    op::JUMP => at += value as usize,
                    op::JUMP_EQUAL if a == value => at += usize::from(if_true),
                    op::JUMP_EQUAL => at += usize::from(if_false),
                    other => panic!("instruction {other:#x}"),
                }
                continue;
            }
        };
        match loaded {
            Some(value) => a = value,
            None => return 0,
        }
    }
}

fn v4(source: u32, destination: u32) -> Vec<u8> {
    let mut packet = vec![0x45; 12];
    packet.extend(source.to_be_bytes());
    packet.extend(destination.to_be_bytes());
    packet
}

fn v6(source: u128, destination: u128) -> Vec<u8> {
    let mut packet = vec![0x60; 8];
    packet.extend(source.to_be_bytes());
    packet.extend(destination.to_be_bytes());
    packet
}

/// `packet` of EtherType `kind` below headers that are `(EtherType, header, offset)`; each header is
/// what stands before the next EtherType.
fn behind(tags: &[(u16, u16)], kind: u16, packet: &[u8]) -> (u16, Vec<u8>) {
    let mut bytes = packet.to_vec();
    let mut kind = kind;
    for (tpid, tci) in tags.iter().rev() {
        let mut tagged = tci.to_be_bytes().to_vec();
        tagged.extend(kind.to_be_bytes());
        tagged.extend(bytes);
        (kind, bytes) = (*tpid, tagged);
    }
    (kind, bytes)
}

fn arriving(kind: u16, packet: &[u8]) -> u32 {
    run(&hosts(true), packet, kind, 0)
}

fn leaving(kind: u16, packet: &[u8]) -> u32 {
    let mut frame = vec![0; 12];
    frame.extend(kind.to_be_bytes());
    frame.extend(packet);
    // What the kernel says of the protocol is not right for frames with a tag on their way out.
    run(&hosts(true), &frame, 0, OUTGOING)
}

#[test]
fn jumps_are_short_enough_and_stay_within_the_program() {
    for is_ethernet in [false, true] {
        let program = hosts(is_ethernet);
        for (at, instruction) in program.iter().enumerate() {
            let distance = match instruction.code {
                op::JUMP => instruction.value as usize,
                op::JUMP_EQUAL => {
                    assert!(instruction.if_true < u8::MAX);
                    usize::from(instruction.if_true)
                }
                _ => 0,
            };
            assert!(at + 1 + distance < program.len() || distance == 0);
        }
        assert!(program.len() < 4096);
    }
}

#[test]
fn what_is_not_ip_goes_to_the_first() {
    assert_eq!(arriving(0x0806, &[0; 28]), 0);
    assert_eq!(arriving(0x0800, &[0x45; 15]), 0);
    assert_eq!(arriving(0x8100, &[0]), 0);
}

#[test]
fn pairs_of_hosts_are_spread_evenly() {
    let mut members = [0u32; 4];
    for host in 0..4000u32 {
        let hash = arriving(0x0800, &v4(0x0a00_0001, 0xc0a8_0000 + host));
        members[hash as usize % 4] += 1;
    }
    assert!(
        members.iter().all(|count| (800..1200).contains(count)),
        "{members:?}"
    );
}

proptest! {
    #[test]
    fn both_ways_go_to_the_same_member_whatever_stands_before_the_addresses(
        a: u32, b: u32, c: u128, d: u128,
        tags in proptest::collection::vec(
            (prop_oneof![Just(0x8100u16), Just(0x88a8), Just(0x9100)], any::<u16>()), 0..=3),
        labels in 1usize..5,
    ) {
        let expected = arriving(0x0800, &v4(a, b));
        let (kind, there) = behind(&tags, 0x0800, &v4(a, b));
        let (_, back) = behind(&tags, 0x0800, &v4(b, a));
        prop_assert_eq!(arriving(kind, &there), expected);
        prop_assert_eq!(leaving(kind, &back), expected);
        let mut pppoe = vec![0x11, 0, 0, 1, 0, 50, 0x00, 0x21];
        pppoe.extend(v4(b, a));
        prop_assert_eq!(arriving(0x8864, &pppoe), expected);
        let mut mpls: Vec<u8> = (1..=labels).flat_map(|n| [0, 0, u8::from(n == labels), 64]).collect();
        mpls.extend(v4(b, a));
        prop_assert_eq!(leaving(0x8847, &mpls), expected);

        let expected = arriving(0x86dd, &v6(c, d));
        let (kind, back) = behind(&tags, 0x86dd, &v6(d, c));
        prop_assert_eq!(leaving(kind, &back), expected);
        prop_assert_eq!(run(&hosts(false), &v6(d, c), 0x86dd, 0), expected);
    }
}
