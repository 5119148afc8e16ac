//! A host, the world outside, and a guest behind the host: three network namespaces, two cables.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use respond::firewall::tool::Tool;
use respond::harden::{Facts, HardenConfig, Hardener};
use rustix::net::{AddressFamily, SocketType};

use crate::namespaces::{Namespaces, run};
pub use crate::namespaces::{now, ruleset};

pub const HOST: &str = "192.0.2.1";
pub const HOST_6: &str = "2001:db8:1::1";
/// Two machines of the world outside.
pub const ATTACKER: &str = "192.0.2.66";
pub const ATTACKER_6: &str = "2001:db8:1::66";
pub const CLIENT: &str = "192.0.2.77";
pub const GUEST: &str = "10.9.0.2";
/// As the clouds have it; it stands outside.
pub const METADATA: &str = "169.254.169.254";
pub const METADATA_6: &str = "fd00:ec2::254";

/// What a connection may take to be refused or made; one that is dropped takes this long.
const PATIENCE: Duration = Duration::from_millis(1500);

pub struct Lab {
    namespaces: Namespaces,
    pub folder: tempfile::TempDir,
}

impl Lab {
    /// A lab, or None and a line where it cannot be made.
    pub fn new() -> Option<Self> {
        let namespaces = Namespaces::new("harden", &['h', 'o', 'g'], &["ip", "nft"])?;
        let name = namespaces.name.clone();
        let lab = Lab {
            namespaces,
            folder: tempfile::tempdir().unwrap(),
        };
        let (h, o, g) = (
            format!("{name}-h"),
            format!("{name}-o"),
            format!("{name}-g"),
        );
        let mut commands = vec![
            format!("ip netns add {o}"),
            format!("ip netns add {g}"),
            format!("ip -n {h} link add eth0 type veth peer name eth0 netns {o}"),
            format!("ip -n {h} link add eth1 type veth peer name eth0 netns {g}"),
        ];
        for (at, device, addresses) in [
            (&h, "eth0", &["192.0.2.1/24", "2001:db8:1::1/64"][..]),
            (&h, "eth1", &["10.9.0.1/24"]),
            (&g, "eth0", &["10.9.0.2/24"]),
            (
                &o,
                "eth0",
                &[
                    "192.0.2.66/24",
                    "192.0.2.77/24",
                    // A gateway, and therefore protected.
                    "192.0.2.200/24",
                    "2001:db8:1::66/64",
                    "169.254.169.254/32",
                    "fd00:ec2::254/128",
                ],
            ),
        ] {
            for address in addresses {
                let nodad = if address.contains(':') { " nodad" } else { "" };
                commands.push(format!("ip -n {at} addr add {address} dev {device}{nodad}"));
            }
            commands.push(format!("ip -n {at} link set lo up"));
            commands.push(format!("ip -n {at} link set {device} up"));
        }
        commands.extend([
            // Where answers to invented sources go, to be dropped there.
            format!("ip -n {h} route add 198.51.100.0/24 via 192.0.2.200"),
            format!("ip -n {h} route add {METADATA}/32 dev eth0"),
            format!("ip -n {h} route add {METADATA_6}/128 dev eth0"),
            format!("ip -n {g} route add default via 10.9.0.1"),
            format!("ip -n {o} route add 10.9.0.0/24 via 192.0.2.1"),
            format!("ip netns exec {h} sysctl -qw net.ipv4.ip_forward=1"),
            format!("ip netns exec {o} sysctl -qw net.ipv4.ip_forward=0"),
        ]);
        for command in commands {
            assert!(run(&command), "{command}");
        }
        let facts = lab.host(|| Facts::read(&HardenConfig::default(), &Tool::named("nft")));
        if !facts.is_ok_and(|facts| facts.has_synproxy && facts.has_socket) {
            eprintln!("skipped: rules of this kernel know no SYN proxy or no sockets");
            return None;
        }
        Some(lab)
    }

    /// Runs on the host.
    pub fn host<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        self.namespaces.inside('h', body)
    }

    /// Runs outside.
    pub fn outside<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        self.namespaces.inside('o', body)
    }

    /// Runs on the guest.
    pub fn guest<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        self.namespaces.inside('g', body)
    }

    /// What hardens the host; to be used there.
    pub fn hardener(&self) -> Hardener {
        Hardener::new(Tool::named("nft"), self.folder.path())
    }

    /// Applies a configuration on the host and keeps it.
    pub fn harden(&self, yaml: &str) {
        self.host(|| {
            let hardener = self.hardener();
            let plan = hardener.plan(&config(yaml)).unwrap();
            hardener.apply(&plan, None, now()).unwrap();
            assert_eq!(hardener.check("ratel_harden").unwrap().faults, []);
        });
    }

    /// Packets that the host's rule of this name has counted.
    pub fn counted(&self, rule: &str) -> u64 {
        let report = self.host(|| self.hardener().check("ratel_harden").unwrap());
        let found = report.counted.iter().find(|(name, _)| name == rule);
        found.unwrap_or_else(|| panic!("no rule {rule}")).1
    }
}

pub fn config(yaml: &str) -> HardenConfig {
    serde_yaml_ng::from_str(yaml).unwrap()
}

/// Runs nft; for what somebody else does to the ruleset.
pub fn nft(script: &str) {
    Tool::named("nft").run(&["-f", "-"], script).unwrap();
}

pub fn sysctl(key: &str) -> String {
    let path = format!("/proc/sys/{}", key.replace('.', "/"));
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

pub fn set_sysctl(key: &str, value: &str) {
    std::fs::write(format!("/proc/sys/{}", key.replace('.', "/")), value).unwrap();
}

/// Answers each connection with what it sends, until the test ends. At most `backlog` wait.
pub fn serve(port: u16, backlog: i32) {
    let socket = rustix::net::socket(AddressFamily::INET6, SocketType::STREAM, None).unwrap();
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true).unwrap();
    let any: SocketAddr = format!("[::]:{port}").parse().unwrap();
    rustix::net::bind(&socket, &any).unwrap();
    rustix::net::listen(&socket, backlog).unwrap();
    let listener = TcpListener::from(socket);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            thread::spawn(move || {
                let mut bytes = [0; 64];
                while let Ok(length @ 1..) = stream.read(&mut bytes) {
                    if &bytes[..length] == b"quit" {
                        break;
                    }
                    if stream.write_all(&bytes[..length]).is_err() {
                        break;
                    }
                }
            });
        }
    });
}

fn end(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// A connection from an address of this host that answers what is sent; None where it is dropped or
/// refused.
pub fn connect(from: &str, to: &str, port: u16) -> Option<TcpStream> {
    connect_by((from, 0), to, port)
}

/// The same from a port.
pub fn connect_by((from, by): (&str, u16), to: &str, port: u16) -> Option<TcpStream> {
    let family = if to.contains(':') {
        AddressFamily::INET6
    } else {
        AddressFamily::INET
    };
    let socket = rustix::net::socket(family, SocketType::STREAM, None).unwrap();
    rustix::net::sockopt::set_socket_timeout(
        &socket,
        rustix::net::sockopt::Timeout::Send,
        Some(PATIENCE),
    )
    .unwrap();
    if !from.is_empty() {
        rustix::net::sockopt::set_socket_reuseaddr(&socket, true).unwrap();
        rustix::net::bind(&socket, &end(from, by)).unwrap();
    }
    rustix::net::connect(&socket, &end(to, port)).ok()?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    echo(&mut stream).then_some(stream)
}

/// Whether what is sent comes back.
pub fn echo(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 4];
    stream.write_all(b"ping").is_ok() && stream.read_exact(&mut bytes).is_ok() && &bytes == b"ping"
}

/// Sends SYN packets with invented sources of 198.51.100.0/24, from outside.
pub fn flood(to: &str, port: u16, count: u32) {
    // IPPROTO_RAW: the header is ours.
    let raw = rustix::net::Protocol::from_raw(255.try_into().unwrap());
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::RAW, Some(raw)).unwrap();
    let destination: std::net::Ipv4Addr = to.parse().unwrap();
    for number in 0..count {
        let source = [198, 51, 100, (number % 250) as u8 + 1];
        let packet = syn(
            source,
            destination.octets(),
            1024 + (number / 250) as u16,
            port,
            number,
        );
        // A queue that is full for a moment loses a packet of a flood, which is no matter.
        let _ = rustix::net::sendto(
            &socket,
            &packet,
            rustix::net::SendFlags::empty(),
            &end(to, 0),
        );
    }
}

fn syn(source: [u8; 4], destination: [u8; 4], sport: u16, dport: u16, seq: u32) -> Vec<u8> {
    let mut tcp = Vec::new();
    tcp.extend(sport.to_be_bytes());
    tcp.extend(dport.to_be_bytes());
    tcp.extend(seq.to_be_bytes());
    tcp.extend([0; 4]);
    // 20 bytes of header, SYN, a window.
    tcp.extend([0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
    let mut pseudo = [source, destination].concat();
    pseudo.extend([0, 6, 0, tcp.len() as u8]);
    pseudo.extend(&tcp);
    let sum = checksum(&pseudo);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    // The kernel fills in length and checksum.
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0];
    packet.extend(source);
    packet.extend(destination);
    packet.extend(tcp);
    packet
}

fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}
