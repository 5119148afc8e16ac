//! Filter expressions: any text is a filter or an error with its place, and `not` turns it round.

use decode::build::{Captured, Conversation, Stack, Tcp};
use decode::filter::Filter;
use decode::packet::LinkType;
use event::{Direction, Timestamp};
use std::sync::LazyLock;

/// Frames that differ in all that filters ask for.
static FRAMES: LazyLock<Vec<Captured>> = LazyLock::new(|| {
    let frame = |stack: Stack, link: LinkType| Captured {
        time: Timestamp::default(),
        data: stack.bytes(),
        link,
    };
    let ether = |stack: Stack| frame(stack, LinkType::ETHERNET);
    let mut talk = Conversation::between("192.0.2.1:40000", "198.51.100.2:80").on_vlan(7);
    talk.datagram(Direction::ToServer, b"hello")
        .ping(1, 1, b"x");
    let mut frames = talk.into_frames();
    let tcp = |stack: Stack| stack.tcp(Tcp::syn(1024, 443, 9)).payload(b"abc");
    frames.extend([
        ether(tcp(Stack::ethernet().ipv4("10.0.0.1", "10.0.0.2"))),
        ether(tcp(Stack::ethernet()
            .ipv4("10.0.0.1", "10.0.0.2")
            .fragment(8, true))),
        ether(tcp(Stack::ethernet()
            .vlan(3)
            .vlan(4)
            .ipv6("2001:db8::1", "2001:db8::2"))),
        ether(tcp(Stack::ethernet()
            .mpls(16, true)
            .ipv4("10.0.0.1", "10.0.0.2"))),
        ether(Stack::ethernet().arp(1, [10, 0, 0, 1].into(), [10, 0, 0, 2].into())),
        ether(
            Stack::raw()
                .ethernet_between([2; 6], [0xff; 6])
                .ipv4("10.0.0.1", "224.0.0.1")
                .udp(53, 53),
        ),
        frame(
            tcp(Stack::raw().ipv4("10.0.0.1", "10.0.0.2")),
            LinkType::RAW,
        ),
        frame(
            tcp(Stack::raw().sll().ipv4("10.0.0.1", "10.0.0.2")),
            LinkType::LINUX_SLL,
        ),
        Captured {
            time: Timestamp::default(),
            data: vec![0x45],
            link: LinkType::RAW,
        },
        Captured {
            time: Timestamp::default(),
            data: Vec::new(),
            link: LinkType::ETHERNET,
        },
    ]);
    frames
});

/// The filter's language, and the filter on frames of all kinds.
pub fn filter(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let filter = match Filter::parse(&text) {
        Ok(filter) => filter,
        Err(error) => {
            let most = text.chars().count() + 1;
            assert!((1..=most).contains(&error.column), "{error} in {text:?}");
            assert!(!error.reason.is_empty());
            return;
        }
    };
    // One more level may be one too many.
    let not = Filter::parse(&format!("not ({text})"))
        .ok()
        .filter(|_| !text.trim().is_empty());
    for frame in FRAMES.iter() {
        let frame = frame.frame(1);
        let matches = filter.matches(&frame);
        assert_eq!(matches, filter.matches(&frame));
        if let Some(not) = &not {
            assert_ne!(
                matches,
                not.matches(&frame),
                "`not` turns nothing round: {text}"
            );
        }
    }
}
