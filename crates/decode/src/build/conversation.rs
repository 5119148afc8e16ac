//! Whole conversations between a client and a server: handshakes, data in segments, ends.

use super::{Stack, Tcp};
use crate::packet::{Frame, LinkType, Tcp as Header};
use event::{Direction, Timestamp};
use std::net::SocketAddr;
use std::time::Duration;

/// A frame with its moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// When it was captured.
    pub time: Timestamp,
    /// The bytes.
    pub data: Vec<u8>,
    /// How they begin.
    pub link: LinkType,
}

impl Captured {
    /// As a capture would hand it over.
    #[must_use]
    pub fn frame(&self, number: u64) -> Frame<'_> {
        Frame {
            time: self.time,
            number,
            data: &self.data,
            wire_len: u32::try_from(self.data.len()).unwrap_or(u32::MAX),
            link: self.link,
        }
    }
}

/// A client and a server that speak, on a clock that steps with each packet.
///
/// ```
/// use decode::build::Conversation;
/// let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:80");
/// talk.handshake().client(b"GET / HTTP/1.0\r\n\r\n").server(b"HTTP/1.0 200 OK\r\n\r\n").finish();
/// assert_eq!(talk.frames().len(), 3 + 2 + 2 + 4);
/// ```
#[derive(Clone, Debug)]
pub struct Conversation {
    client: SocketAddr,
    server: SocketAddr,
    vlan: Option<u16>,
    now: Timestamp,
    step: Duration,
    segment_max: usize,
    acknowledges: bool,
    /// Next sequence numbers of client and server.
    client_next: u32,
    server_next: u32,
    frames: Vec<Captured>,
}

impl Conversation {
    /// Between two ends, at 2024-01-01T00:00:00Z, a millisecond for each packet.
    ///
    /// # Panics
    /// Where a text is no address with a port: the test is wrong.
    #[must_use]
    pub fn between(client: &str, server: &str) -> Self {
        let read = |text: &str| {
            text.parse()
                .expect("the builder was given an address with a port")
        };
        Conversation {
            client: read(client),
            server: read(server),
            vlan: None,
            now: Timestamp::new(1_704_067_200, 0),
            step: Duration::from_millis(1),
            segment_max: 1460,
            acknowledges: true,
            client_next: 1_000,
            server_next: 5_000,
            frames: Vec::new(),
        }
    }

    /// The moment of the next packet.
    #[must_use]
    pub fn starting(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// The time between packets.
    #[must_use]
    pub fn every(mut self, step: Duration) -> Self {
        self.step = step;
        self
    }

    /// The most bytes of a segment.
    #[must_use]
    pub fn segments_of(mut self, len: usize) -> Self {
        self.segment_max = len.max(1);
        self
    }

    /// The VLAN.
    #[must_use]
    pub fn on_vlan(mut self, id: u16) -> Self {
        self.vlan = Some(id);
        self
    }

    /// First sequence numbers of client and server.
    #[must_use]
    pub fn numbered_from(mut self, client: u32, server: u32) -> Self {
        (self.client_next, self.server_next) = (client, server);
        self
    }

    /// Leaves out the bare acknowledgements of data.
    #[must_use]
    pub fn without_acknowledgements(mut self) -> Self {
        self.acknowledges = false;
        self
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) -> &mut Self {
        self.now = self.now + time;
        self
    }

    /// The headers up to IP, of a packet in a direction.
    fn stack(&self, direction: Direction) -> Stack {
        let stack = Stack::ethernet();
        let stack = match self.vlan {
            Some(id) => stack.vlan(id),
            None => stack,
        };
        match direction {
            Direction::ToServer => stack.ip(self.client.ip(), self.server.ip()),
            Direction::ToClient => stack.ip(self.server.ip(), self.client.ip()),
        }
    }

    fn ports(&self, direction: Direction) -> (u16, u16) {
        match direction {
            Direction::ToServer => (self.client.port(), self.server.port()),
            Direction::ToClient => (self.server.port(), self.client.port()),
        }
    }

    fn push(&mut self, stack: &Stack) {
        self.frames.push(Captured {
            time: self.now,
            data: stack.bytes(),
            link: LinkType::ETHERNET,
        });
        self.now = self.now + self.step;
    }

    /// One segment in a direction, with the numbers that are due; they move on past it.
    pub fn segment(&mut self, direction: Direction, flags: u8, data: &[u8]) -> &mut Self {
        let (source, destination) = self.ports(direction);
        let (mine, theirs) = match direction {
            Direction::ToServer => (self.client_next, self.server_next),
            Direction::ToClient => (self.server_next, self.client_next),
        };
        let acknowledgement = if flags & Header::ACK != 0 { theirs } else { 0 };
        let options: &[u8] = if flags & Header::SYN != 0 {
            &[2, 4, 0x05, 0xb4, 1, 1, 4, 2]
        } else {
            &[]
        };
        let tcp = Tcp::new(source, destination, flags)
            .at(mine, acknowledgement)
            .options(options);
        self.push(&self.stack(direction).tcp(tcp).payload(data));
        let counted = u32::from(flags & Header::SYN != 0) + u32::from(flags & Header::FIN != 0);
        let next = mine
            .wrapping_add(u32::try_from(data.len()).unwrap_or(0))
            .wrapping_add(counted);
        match direction {
            Direction::ToServer => self.client_next = next,
            Direction::ToClient => self.server_next = next,
        }
        self
    }

    /// The three packets that open a connection.
    pub fn handshake(&mut self) -> &mut Self {
        self.segment(Direction::ToServer, Header::SYN, b"");
        self.segment(Direction::ToClient, Header::SYN | Header::ACK, b"");
        self.segment(Direction::ToServer, Header::ACK, b"")
    }

    fn data(&mut self, direction: Direction, data: &[u8]) -> &mut Self {
        for part in data.chunks(self.segment_max) {
            self.segment(direction, Header::PSH | Header::ACK, part);
        }
        if self.acknowledges {
            self.segment(direction.opposite(), Header::ACK, b"");
        }
        self
    }

    /// The client sends data, in segments; the server acknowledges them.
    pub fn client(&mut self, data: &[u8]) -> &mut Self {
        self.data(Direction::ToServer, data)
    }

    /// The server sends data, in segments; the client acknowledges them.
    pub fn server(&mut self, data: &[u8]) -> &mut Self {
        self.data(Direction::ToClient, data)
    }

    /// Both ends close, the client first.
    pub fn finish(&mut self) -> &mut Self {
        self.segment(Direction::ToServer, Header::FIN | Header::ACK, b"");
        self.segment(Direction::ToClient, Header::ACK, b"");
        self.segment(Direction::ToClient, Header::FIN | Header::ACK, b"");
        self.segment(Direction::ToServer, Header::ACK, b"")
    }

    /// One end breaks off.
    pub fn reset(&mut self, direction: Direction) -> &mut Self {
        self.segment(direction, Header::RST | Header::ACK, b"")
    }

    /// A UDP datagram.
    pub fn datagram(&mut self, direction: Direction, data: &[u8]) -> &mut Self {
        let (source, destination) = self.ports(direction);
        self.push(&self.stack(direction).udp(source, destination).payload(data));
        self
    }

    /// A UDP datagram in IPv4 fragments of at most `len` bytes each, rounded down to 8.
    pub fn fragmented_datagram(
        &mut self,
        direction: Direction,
        id: u16,
        data: &[u8],
        len: usize,
    ) -> &mut Self {
        let (source, destination) = self.ports(direction);
        let whole = self
            .stack(direction)
            .udp(source, destination)
            .payload(data)
            .bytes();
        let headers = self.stack(direction).bytes().len();
        let body = whole.get(headers..).unwrap_or(&[]);
        let step = (len & !7).max(8);
        for (place, part) in body.chunks(step).enumerate() {
            let offset = place * step;
            let more = offset + part.len() < body.len();
            let stack = self
                .stack(direction)
                .id(id)
                .protocol(event::IpProtocol::UDP)
                .fragment(u16::try_from(offset).unwrap_or(u16::MAX), more)
                .payload(part);
            self.push(&stack);
        }
        self
    }

    /// An echo request and its reply.
    pub fn ping(&mut self, id: u16, sequence: u16, data: &[u8]) -> &mut Self {
        let [i0, i1] = id.to_be_bytes();
        let [s0, s1] = sequence.to_be_bytes();
        let (request, reply) = if self.client.is_ipv4() {
            (8, 0)
        } else {
            (128, 129)
        };
        for (direction, kind) in [(Direction::ToServer, request), (Direction::ToClient, reply)] {
            self.push(
                &self
                    .stack(direction)
                    .icmp(kind, 0, [i0, i1, s0, s1])
                    .payload(data),
            );
        }
        self
    }

    /// The frames so far.
    #[must_use]
    pub fn frames(&self) -> &[Captured] {
        &self.frames
    }

    /// The frames, to be mixed with others.
    #[must_use]
    pub fn into_frames(self) -> Vec<Captured> {
        self.frames
    }

    /// The moment after the last packet.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }
}
